/**
 * Which kinds of case must be checked how often, and whether they were: QuickCheck's checkCoverage (Claessen and Hughes) for a run of a
 * given length. A facet, or a pair of facets, is starved where so few of the cases had it that a generator which keeps to the required
 * share would do so once in 10^9 runs (the exact binomial tail: Clopper and Pearson, 1934). Where there are too few cases to tell, nothing is said.
 */
import { kindOfProperty } from '../cases';
import type { CaseKind } from '../cases/kind';
import type { Property } from '../property';
import { combinedFacets, drawnIn, valuesOf, type CombinedFacet } from './coverage';
import type { BackendInfo, DrawnCell, Outcome, StarvedCell } from './events';

/** How often a run may be wrong about one of them. */
const MAX_ERROR = 1e-9;

/** The share of the cases that each is due where a backend declares it: less than half of what is drawn. A pair is due the product. */
const minima: Readonly<Record<CombinedFacet, Readonly<Record<string, number>>>> = {
  mask_rank: { none: 0.04, 2: 0.1, 3: 0.06, 4: 0.15 },
  mask_form: { none: 0.04, boolean: 0.12, additive: 0.12, integer: 0.03 },
  kind: shares(
    0.008,
    'all causal window left_padding right_padding interior_padding all_padding documents prefix random one_flipped empty_rows none',
  ),
  dtype: shares(0.1, 'float64 float32 float16 bfloat16'),
  bridge: shares(0.2, 'base rotary'),
  heads: { single: 0.05, mha: 0.2, grouped: 0.15 },
  rows: { none_empty: 0.2, some_empty: 0.1 },
};

/** The same for calls of whole models, whose facets are judged one by one. */
const modelMinima: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  model_mask: shares(0.05, 'none boolean integer float explicit_boolean explicit_additive'),
  padding: { none: 0.1, right: 0.05, left: 0.05, interior: 0.04, rows: 0.04 },
  decoding: { one_shot: 0.2, cached: 0.06 },
  position_ids: { own: 0.1, given: 0.2 },
};

function shares(share: number, values: string): Record<string, number> {
  return Object.fromEntries(values.split(' ').map((value) => [value, share]));
}

interface Requirement {
  readonly kind: CaseKind['name'];
  readonly facets: Readonly<Record<string, string>>;
  readonly share: number;
}

const requirements: readonly Requirement[] = everyRequirement();

function everyRequirement(): Requirement[] {
  const single = combinedFacets.flatMap((facet) =>
    Object.entries(minima[facet]).map(([value, share]) => ({ facet, value, share })),
  );
  const alone = (kind: Requirement['kind'], facet: string, of: Readonly<Record<string, number>>): Requirement[] =>
    Object.entries(of).map(([value, share]) => ({ kind, facets: { [facet]: value }, share }));
  return [
    ...combinedFacets.flatMap((facet) => alone('attention', facet, minima[facet])),
    ...Object.entries(modelMinima).flatMap(([facet, of]) => alone('model', facet, of)),
    ...single.flatMap((a, n) =>
      single
        .slice(n + 1)
        .filter((b) => b.facet !== a.facet && !isImplied(a.facet, b.facet))
        .map((b): Requirement => ({
          kind: 'attention',
          facets: { [a.facet]: a.value, [b.facet]: b.value },
          share: a.share * b.share,
        })),
    ),
  ];
}

/** What a kind of mask does to its rows is its own affair. */
function isImplied(a: CombinedFacet, b: CombinedFacet): boolean {
  return a === 'kind' && b === 'rows';
}

/**
 * Judges what the held properties of each backend drew and checked. Left out are properties with a guard, which turns away
 * kinds of cases for reasons of its own, and those with known failures, whose cases are not drawn; the one that is violated stops early.
 */
export function judgeCoverage(
  outcomes: readonly Outcome[],
  backends: readonly BackendInfo[],
  properties: readonly Property[],
): { judged: number; starved: StarvedCell[] } {
  let judged = 0;
  const starved: StarvedCell[] = [];
  for (const { name, supports } of backends) {
    const searched = outcomes.flatMap(({ backend, property: id, status, known, narrowed, batches }) => {
      const property = properties.find((one) => one.id === id);
      if (
        backend !== name ||
        status !== 'held' ||
        known !== undefined ||
        narrowed ||
        batches === undefined ||
        property === undefined ||
        property.guard
      )
        return [];
      const kind = kindOfProperty(property);
      return [
        { kind: kind.name, isReachable: kind.reachable(property, supports), ...countsOf(drawnIn([{ batches }])) },
      ];
    });
    for (const { kind, facets, share } of requirements) {
      // A pair of which one is starved by itself says nothing new.
      if (starved.some((one) => one.backend === name && isWithin(one.facets, facets))) continue;
      let cases = 0;
      let checked = 0;
      for (const one of searched) {
        if (one.kind !== kind || !one.isReachable(facets)) continue;
        cases += one.cases;
        checked += one.checkedWith(facets);
      }
      if (cases * Math.log1p(-share) > Math.log(MAX_ERROR)) continue;
      judged++;
      if (isStarved(checked, cases, share)) starved.push({ backend: name, facets, cases, checked, required: share });
    }
  }
  return { judged, starved };
}

function isWithin(part: StarvedCell['facets'], facets: StarvedCell['facets']): boolean {
  return Object.entries(part).every(([facet, value]) => facets[facet] === value);
}

/** How many cases there were, and how many of them had given facets and were checked; single facets and pairs are added up once. */
function countsOf(cells: readonly DrawnCell[]): {
  cases: number;
  checkedWith: (facets: Readonly<Record<string, string>>) => number;
} {
  const checked = new Map<string, number>();
  const add = (key: string, more: number) => checked.set(key, (checked.get(key) ?? 0) + more);
  let cases = 0;
  for (const cell of cells) {
    const values = valuesOf(cell.cell);
    if (values === undefined) {
      // Every call of a model has a mask or none.
      if (cell.cell.startsWith('model_mask=')) cases += cell.cases;
      add(cell.cell, cell.checked);
      continue;
    }
    cases += cell.cases;
    combinedFacets.forEach((a, n) => {
      add(`${a}=${values[a]}`, cell.checked);
      for (const b of combinedFacets.slice(n + 1)) add(`${a}=${values[a]} ${b}=${values[b]}`, cell.checked);
    });
  }
  return {
    cases,
    checkedWith: (facets) =>
      checked.get(
        Object.entries(facets)
          .map((pair) => pair.join('='))
          .join(' '),
      ) ?? 0,
  };
}

/** Whether `hits` or fewer of `tries` would come of a share that is large enough less often than once in 10^9 times. */
export function isStarved(hits: number, tries: number, share: number): boolean {
  if (hits >= tries * share) return false;
  let term =
    logFactorial(tries) -
    logFactorial(hits) -
    logFactorial(tries - hits) +
    hits * Math.log(share) +
    (tries - hits) * Math.log1p(-share);
  const largest = term;
  let sum = 0;
  // From the largest term down: each is smaller by a factor that shrinks itself.
  for (let n = hits; n >= 0 && term > largest - 50; n--) {
    sum += Math.exp(term - largest);
    term += Math.log(n) - Math.log(tries - n + 1) + Math.log1p(-share) - Math.log(share);
  }
  return largest + Math.log(sum) < Math.log(MAX_ERROR);
}

/** Stirling's series, right to 10 digits from 10 on; below that, the product. */
function logFactorial(n: number): number {
  if (n < 10) return Math.log([1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880][n]);
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
}
