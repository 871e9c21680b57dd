/** Entries of a file of known failures that match nothing: a slip of the pen, or something that is over. */
import { modelMasks, paddings } from './arbitraries/model/constraints';
import { kindOf } from './cases';
import type { BackendInfo, Outcome } from './engine/events';
import { isPattern, matchesGlob } from './glob';
import { isForetold, speaksOf, type KnownFailureEntry } from './known-failures';
import { didYouMean } from './nearest';

/** What a case may be, facet by facet; `kind` and `contents` are open. */
const facets: Readonly<Record<string, readonly string[] | undefined>> = {
  mask_rank: ['none', '2', '3', '4'],
  mask_form: ['none', 'boolean', 'additive', 'integer'],
  dtype: ['float64', 'float32', 'float16', 'bfloat16'],
  bridge: ['base', 'rotary'],
  batch: ['one', 'many'],
  heads: ['single', 'mha', 'grouped'],
  rows: ['some_empty', 'none_empty'],
  is_causal: ['true', 'false'],
  lengths: ['equal', 'cached', 'cross'],
  model_mask: modelMasks,
  padding: paddings,
  model_dtype: ['float64', 'float32', 'float16', 'bfloat16'],
  decoding: ['one_shot', 'one_chunk', 'cached'],
  position_ids: ['own', 'given'],
  length: ['one', 'many'],
  kind: undefined,
  contents: undefined,
};

interface Run {
  /** Of all properties that there are. */
  readonly ids: readonly string[];
  readonly backends: readonly Pick<BackendInfo, 'name' | 'versions'>[];
}

/** Entries that cannot match, as sentences with the nearest thing that there is. Those about backends that are not in the run are counted in one. */
export function mismatched(entries: readonly KnownFailureEntry[], run: Run): string[] {
  const names = run.backends.map(({ name }) => name);
  const strangers = new Set<string>();
  const told = entries.flatMap((entry, n) => {
    const why = slip(entry, run, names);
    if (why !== undefined) return [`failures[${n}] matches nothing: ${why}`];
    if (!names.some((name) => matchesGlob(name, entry.backend))) strangers.add(entry.backend);
    return [];
  });
  const others = [...strangers].map((name) => JSON.stringify(name)).join(', ');
  return strangers.size === 0
    ? told
    : [...told, `What it says of ${others} is not asked here: no such backend is in this run.`];
}

function slip(
  { property, backend, versions = {}, when = {} }: KnownFailureEntry,
  { ids, backends }: Run,
  names: readonly string[],
): string | undefined {
  if (!ids.some((id) => matchesGlob(id, property)))
    return `there is no property ${JSON.stringify(property)}.${didYouMean(property, ids)}`;
  for (const [facet, value] of Object.entries(when)) {
    if (!(facet in facets)) return `cases have no ${JSON.stringify(facet)}.${didYouMean(facet, Object.keys(facets))}`;
    const values = facets[facet];
    if (values !== undefined && !values.includes(value))
      return `${facet} is never ${JSON.stringify(value)}.${didYouMean(value, values) || ` It is one of ${values.join(', ')}.`}`;
  }
  const info = backends.find(({ name }) => matchesGlob(name, backend));
  if (info === undefined) {
    const near = didYouMean(backend, names);
    return near === '' ? undefined : `there is no backend ${JSON.stringify(backend)} in this run.${near}`;
  }
  const off = Object.entries(versions).find(
    ([library, range]) => !speaksOf({ property, backend, versions: { [library]: range }, reason: '' }, property, info),
  );
  if (off === undefined) return undefined;
  const [library, range] = off;
  const here = info.versions[library];
  return here === undefined
    ? `${backend} tells no version of ${JSON.stringify(library)}.${didYouMean(library, Object.keys(info.versions))}`
    : `it speaks of ${library} ${range}, and this is ${here}.`;
}

/** Entries that could have matched and did not, once the run is over: what they foretell did not come up, or their case means nothing now. */
export function unmet(
  entries: readonly KnownFailureEntry[],
  { ids, backends }: Run,
  outcomes: readonly Outcome[],
): string[] {
  const names = backends.map(({ name }) => name);
  return entries.flatMap((entry, n) => {
    if (slip(entry, { ids, backends }, names) !== undefined) return [];
    const spoken = outcomes.filter((outcome) =>
      backends.some((info) => outcome.backend === info.name && speaksOf(entry, outcome.property, info)),
    );
    const isMine = ({ known, fixed }: Outcome) =>
      [known, fixed].some((one) => one !== undefined && one.reason === entry.reason);
    const voided = spoken.find((outcome) => outcome.status === 'skipped' && isMine(outcome));
    if (voided !== undefined)
      return [
        `failures[${n}]: its case means nothing to ${voided.property} on ${voided.backend} any more: ${voided.reason}.`,
      ];
    const searched = spoken.filter(({ cases }) => cases > 0);
    // What a pattern's case fails of is for the run to show.
    if ((entry.case !== undefined && !isPattern(entry.property)) || searched.length === 0 || spoken.some(isMine))
      return [];
    const cases = searched.reduce((sum, outcome) => sum + outcome.cases, 0);
    return [
      `failures[${n}] (${entry.property} on ${entry.backend}) did not come up in ${cases} ${cases === 1 ? 'case' : 'cases'}.${nearestViolation(entry, searched)}`,
    ];
  });
}

/** The finding that comes closest to what an entry foretells, and what sets it apart. */
function nearestViolation(entry: KnownFailureEntry, outcomes: readonly Outcome[]): string {
  const apart = outcomes.flatMap(({ property, counterexample, known }) => {
    if (counterexample === undefined || known !== undefined) return [];
    const found = Object.fromEntries(
      kindOf(counterexample.case)
        .describe(counterexample.case)
        .map(({ facet, value }) => [facet, value]),
    );
    if (isForetold(entry, found)) return [];
    const wrong = Object.entries(entry.when ?? {}).filter(([facet, value]) => found[facet] !== value);
    return [
      {
        property,
        wrong: wrong.map(([facet, value]) => `${facet} is ${found[facet] ?? 'not known'} there, not ${value}`),
      },
    ];
  });
  const [nearest] = apart.sort((a, b) => a.wrong.length - b.wrong.length);
  return nearest === undefined
    ? ''
    : ` The nearest is the finding of ${nearest.property}: ${nearest.wrong.join(', ')}.`;
}
