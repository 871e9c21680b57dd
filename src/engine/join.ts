/** From parts to a whole: batches to an outcome, outcomes to the list of a run. The same for one thread, many, and shards of other machines. */
import type { RowTally } from '../property';
import type { BatchTally, Outcome } from './events';

/**
 * The outcome of a property whose batches lie in several parts: all of them up to the first that ended the search.
 * Every part has `batches`; what else a part says about the search is taken from the part that ended it.
 */
export function joinOutcomes(parts: readonly Outcome[]): Outcome {
  const batches = parts
    .flatMap((part) => tallies(part).map((tally) => ({ tally, part })))
    .sort((a, b) => a.tally.batch - b.tally.batch);
  const end = batches.findIndex(({ tally }) => tally.ended);
  const counted = end < 0 ? batches : batches.slice(0, end + 1);
  const whole = end < 0 ? (parts.find((part) => tallies(part).length > 0) ?? parts[0]) : batches[end].part;
  const cases = sum(counted, ({ tally }) => tally.cases);
  const { counterexample } = whole;
  return {
    ...whole,
    cases,
    // What was replayed before the search is in every part, and counts once.
    calls: sum(counted, ({ tally }) => tally.calls) + whole.calls - sum(tallies(whole), ({ calls }) => calls),
    seconds: sum(parts, ({ seconds }) => seconds),
    rows: addRows(counted.map(({ tally }) => tally.rows)),
    ...(counterexample && end >= 0 && { counterexample: { ...counterexample, found: cases } }),
    batches: counted.map(({ tally }) => tally),
  };
}

const tallies = ({ batches = [] }: Outcome): readonly BatchTally[] => batches;

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);

function addRows(all: readonly Outcome['rows'][]): Record<RowTally, number> {
  const total = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
  for (const rows of all) for (const name of Object.keys(total) as RowTally[]) total[name] += rows[name];
  return total;
}

/** Whether an outcome makes a run fail. */
export function isBad({ status, known, fixed }: Outcome): boolean {
  return fixed !== undefined || (known === undefined && (status === 'violated' || status === 'failed'));
}

/** What earlier outcomes mean for later ones: nothing more is run after a finding under --fail-fast, nor on a backend that does not open. */
export class Halts {
  readonly #failFast: boolean;
  readonly #dead = new Map<string, string>();
  #stopped = false;

  constructor(failFast: boolean) {
    this.#failFast = failFast;
  }

  /** Why the next property of a backend is not run; undefined where it is. */
  reason(backend: string): string | undefined {
    return (
      this.#dead.get(backend) ?? (this.#stopped ? 'an earlier property failed, and --fail-fast was given' : undefined)
    );
  }

  /** Takes the outcomes in the run's order. */
  take(outcome: Outcome): Outcome {
    const { backend, failure } = outcome;
    if (this.#failFast && isBad(outcome)) this.#stopped = true;
    // One finding and not one a property: a backend that does not open is not asked again.
    if (failure?.stage === 'open' || failure?.stage === 'load')
      this.#dead.set(backend, `${backend} could not be ${failure.stage}ed`);
    return outcome;
  }
}

/** An outcome of nothing. */
export function skipped(
  { property, statement, backend }: Pick<Outcome, 'property' | 'statement' | 'backend'>,
  reason: string,
): Outcome {
  const rows = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
  return { property, statement, backend, status: 'skipped', reason, cases: 0, calls: 0, seconds: 0, rows };
}

/** An outcome as whole reports have it. */
export function withoutBatches(outcome: Outcome): Outcome {
  const { batches, ...rest } = outcome;
  return batches === undefined ? outcome : rest;
}
