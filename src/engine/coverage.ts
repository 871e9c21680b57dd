/** How often each kind of case was drawn and checked. */
import type { Conventions } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import { kindOf } from '../cases';
import type { CoverageCell, DrawnCell, Outcome } from './events';

/** The facets that are counted in all their combinations; the others only by themselves. */
export const combinedFacets = ['mask_rank', 'mask_form', 'kind', 'dtype', 'bridge', 'heads', 'rows'] as const;
export type CombinedFacet = (typeof combinedFacets)[number];

/** Adds up cells by name. */
export class Cells {
  readonly #counts = new Map<string, { cases: number; checked: number }>();

  add(cell: string, cases: number, checked: number): void {
    const count = this.#counts.get(cell);
    if (count === undefined) this.#counts.set(cell, { cases, checked });
    else {
      count.cases += cases;
      count.checked += checked;
    }
  }

  /** In the order of their names: the same whatever order they came in. */
  get sorted(): DrawnCell[] {
    return [...this.#counts].map(([cell, counts]) => ({ cell, ...counts })).sort((a, b) => (a.cell < b.cell ? -1 : 1));
  }
}

/** Counts one case under its combination of facets and under each facet beside it. */
export function countCase(cells: Cells, c: Case, causal: Conventions['causal'], isChecked: boolean): void {
  const checked = isChecked ? 1 : 0;
  let combined: string[] | undefined;
  for (const { facet, value } of kindOf(c).describe(c, causal)) {
    const place = places.get(facet);
    if (place === undefined) cells.add(`${facet}=${value}`, 1, checked);
    else (combined ??= combinedFacets.map(() => 'other'))[place] = value;
  }
  if (combined !== undefined) cells.add(combined.join(' '), 1, checked);
}

const places: ReadonlyMap<string, number> = new Map(combinedFacets.map((facet, n) => [facet, n]));

/** The values of a combination, facet by facet; undefined for a facet that stands by itself. */
export function valuesOf(cell: string): Record<CombinedFacet, string> | undefined {
  if (cell.includes('=')) return undefined;
  const values = cell.split(' ');
  return Object.fromEntries(combinedFacets.map((facet, n) => [facet, values[n]])) as Record<CombinedFacet, string>;
}

/** All cells that outcomes drew, added up. */
export function drawnIn(outcomes: readonly Pick<Outcome, 'batches'>[]): DrawnCell[] {
  const cells = new Cells();
  for (const { batches = [] } of outcomes)
    for (const { drawn } of batches) for (const { cell, cases, checked } of drawn) cells.add(cell, cases, checked);
  return cells.sorted;
}

/** What a report prints: every facet by itself, and the combinations. */
export function summarizeCoverage(drawn: readonly DrawnCell[]): {
  coverage: CoverageCell[];
  combinations: DrawnCell[];
} {
  const single = new Cells();
  for (const { cell, cases, checked } of drawn) {
    const values = valuesOf(cell);
    if (values === undefined) single.add(cell, cases, checked);
    else for (const facet of combinedFacets) single.add(`${facet}=${values[facet]}`, cases, checked);
  }
  const coverage = single.sorted.map(({ cell, cases, checked }): CoverageCell => {
    const [facet, value] = cell.split('=');
    return { facet, value, cases, checked };
  });
  return {
    coverage: coverage.sort(
      (a, b) => compareText(a.facet, b.facet) || b.cases - a.cases || compareText(a.value, b.value),
    ),
    combinations: drawn.filter(({ cell }) => !cell.includes('=')),
  };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
