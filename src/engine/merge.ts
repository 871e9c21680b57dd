/** Shard reports joined to the report of the one run. */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../errors';
import type { Property } from '../property';
import { drawnIn, summarizeCoverage } from './coverage';
import type { Outcome, Report } from './events';
import { Halts, joinOutcomes, skipped, withoutBatches } from './join';
import { judgeCoverage } from './minima';

/** A report and what to call it. */
export interface NamedReport {
  readonly name: string;
  readonly version: string;
  readonly report: Report;
}

/** Throws a UsageError where the reports are not all the shards of one run, each once. */
export function mergeReports(shards: readonly NamedReport[], properties: readonly Property[]): Report {
  const sorted = allShards(shards);
  for (const other of sorted.slice(1)) refuseOther(sorted[0], other);
  const reports = sorted.map(({ report }) => report);
  const [{ seed, budget, reference, backends, outcomes: first }] = reports;
  const halts = new Halts(budget.failFast ?? false);
  const outcomes = first.map((named, n) => {
    // A backend that does not load is told of after the run, whatever became of the others.
    const reason =
      named.failure?.stage === 'load' && named.batches === undefined ? undefined : halts.reason(named.backend);
    return halts.take(
      reason === undefined ? joined(reports.map(({ outcomes }) => outcomes[n])) : skipped(named, reason),
    );
  });
  const interrupted = reports.some((report) => report.interrupted);
  return {
    seed,
    budget,
    reference,
    backends,
    outcomes: outcomes.map(withoutBatches),
    ...summarizeCoverage(drawnIn(outcomes)),
    ...judgeCoverage(interrupted ? [] : outcomes, backends, properties),
    interrupted,
    seconds: reports.reduce((total, { seconds }) => total + seconds, 0),
  };
}

/** What a shard knew without a search holds for all; a property that was searched is joined; else every shard says the same of it. */
function joined(parts: readonly Outcome[]): Outcome {
  const known = parts.find(({ batches, status }) => batches === undefined && status !== 'skipped');
  if (known !== undefined) return known;
  const searched = parts.filter(({ batches }) => batches !== undefined);
  return searched.length > 0 ? joinOutcomes(searched) : parts[0];
}

/** The reports by the number of their shard. */
function allShards(shards: readonly NamedReport[]): NamedReport[] {
  const byIndex = new Map<number, NamedReport>();
  let count: number | undefined;
  for (const named of shards) {
    const { shard } = named.report;
    if (shard === undefined)
      throw new UsageError('no_shard', {
        what: `${named.name} is the report of a whole run and of no shard.`,
        mend: 'maskproof fuzz --shard I/N --json FILE writes the report of a shard.',
      });
    count ??= shard.count;
    if (shard.count !== count)
      throw new UsageError('other_run', {
        what: `${shards[0].name} is one of ${count} shards, and ${named.name} is one of ${shard.count}.`,
        mend: 'Merge the shards of one run.',
      });
    const twin = byIndex.get(shard.index);
    if (twin !== undefined)
      throw new UsageError('same_shard', {
        what: `${twin.name} and ${named.name} are both shard ${shard.index} of ${count}.`,
        mend: 'Give each shard once.',
      });
    byIndex.set(shard.index, named);
  }
  const missing = Array.from({ length: count ?? 0 }, (_, n) => n + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0) {
    const named = missing.length === 1 ? `shard ${missing[0]} is` : `shards ${missing.join(', ')} are`;
    throw new UsageError('missing_shards', {
      what: `Of ${count} shards, ${named} missing.`,
      mend: 'Give the report of every shard; one without cases has a report too.',
    });
  }
  return [...byIndex].sort(([a], [b]) => a - b).map(([, named]) => named);
}

/** What all shards of a run have in common; a machine may call its device otherwise. */
function refuseOther(first: NamedReport, other: NamedReport): void {
  const [a, b] = [first, other].map(({ version, report }) => ({
    'maskproof version': version,
    seed: report.seed,
    budget: report.budget,
    reference: [report.reference.name, report.reference.precision].join(', '),
    backends: report.backends.map(({ name, versions }) => `${name} ${JSON.stringify(versions)}`),
    'abilities of the backends': report.backends.map(({ supports }) => supports),
    properties: report.outcomes.map(({ backend, property }) => `${property} on ${backend}`),
  }));
  for (const field of Object.keys(a) as (keyof typeof a)[]) {
    if (isDeepStrictEqual(a[field], b[field])) continue;
    const facts = [`${first.name}: ${shown(a[field])}`, `${other.name}: ${shown(b[field])}`];
    throw new UsageError('other_run', {
      what: `${first.name} and ${other.name} are not shards of one run: their ${field} differ${field === 'properties' || field === 'backends' || field.startsWith('abilities') ? '' : 's'}.`,
      facts,
      mend: 'Merge the shards of one run, all with the same --seed and options.',
    });
  }
}

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 300 ? text : `${text.slice(0, 297)}...`;
};
