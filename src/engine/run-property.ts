/** One property on one backend, batch by batch: each in a session of its own, so that it is the same wherever and after whatever it runs. */
import { performance } from 'node:perf_hooks';
import type * as fc from 'fast-check';
import type { Case } from '../../reference/model-case';
import { BackendError } from '../errors';
import type { Property } from '../property';
import { cornerFailure, cornerViolation, type Caught } from './corner';
import { Cells, countCase } from './coverage';
import { casesOf, drawBatch, GuardError, reasonToSkip } from './draw';
import type { Outcome } from './events';
import { joinOutcomes, skipped } from './join';
import { batchesOf, batchSeed, type Batch } from './seed';
import type { Session } from './session';
import { turn } from '../turn';
import type { ShrinkLimits } from './shrink';
import { rowsSince, type Subject, type Verdict } from './subject';

export interface BatchOptions {
  /** Of the run. */
  readonly seed: number;
  readonly batches: readonly Batch[];
  /** performance.now() after which no further batch is drawn. */
  readonly deadline: number;
  /** However little time there is, the first of these batches is checked. */
  readonly isFirst: boolean;
  /** Milliseconds that shrinking may take. */
  readonly shrinkMs: number;
  readonly signal?: ShrinkLimits['signal'];
  /** Cases that are known to fail and are not drawn. */
  readonly leaveOut?: (c: Case) => boolean;
  readonly tell?: (stage: 'searching' | 'shrinking', cases: number, calls: number) => void;
}

/** One outcome a batch, up to the first that ends the search. Never throws for what the backend does. */
export async function runBatches(subject: Subject, property: Property, options: BatchOptions): Promise<Outcome[]> {
  const { batches, deadline, isFirst, signal, leaveOut } = options;
  const arbitrary = casesOf(property, subject.supports, leaveOut);
  const outcomes: Outcome[] = [];
  for (const [n, batch] of batches.entries()) {
    if (signal?.aborted || (performance.now() >= deadline && !(isFirst && n === 0))) break;
    const outcome = await runBatch(subject, property, arbitrary, batch, options);
    outcomes.push(outcome);
    await turn();
    options.tell?.('searching', outcome.cases, outcome.calls);
    if (outcome.batches?.[0].ended) break;
  }
  return outcomes;
}

/** The whole of a property's run, up to the first batch that ends it. */
export async function runProperty(
  subject: Subject,
  property: Property,
  { runs, ...options }: Omit<BatchOptions, 'batches' | 'isFirst'> & { readonly runs: number },
): Promise<Outcome> {
  const nothing = skipped(
    { property: property.id, statement: property.statement, backend: subject.backend.name },
    'the run was interrupted',
  );
  const reason = reasonToSkip(property, subject.supports);
  if (reason !== undefined) return { ...nothing, reason };
  const outcomes = await runBatches(subject, property, { ...options, batches: [...batchesOf(runs)], isFirst: true });
  return outcomes.length === 0 ? nothing : joinOutcomes(outcomes);
}

async function runBatch(
  subject: Subject,
  property: Property,
  arbitrary: fc.Arbitrary<Case>,
  { batch, size }: Batch,
  options: BatchOptions,
): Promise<Outcome> {
  const started = performance.now();
  const callsBefore = subject.calls;
  const rowsBefore = { ...subject.rows };
  const cells = new Cells();
  const outcome = (cases: number, rest: Pick<Outcome, 'status'> & Partial<Outcome>): Outcome => {
    const calls = subject.calls - callsBefore;
    const rows = rowsSince(rowsBefore, subject.rows);
    const ended = rest.status === 'held' ? {} : { ended: true as const };
    return {
      property: property.id,
      statement: property.statement,
      backend: subject.backend.name,
      cases,
      calls,
      seconds: (performance.now() - started) / 1000,
      rows,
      batches: [{ batch, cases, calls, rows, drawn: cells.sorted, ...ended }],
      ...rest,
    };
  };
  try {
    const seed = batchSeed(options.seed, property.id, batch);
    const drawn = drawBatch(arbitrary, seed, size);
    const { verdicts, before } = await subject.inFreshSession(async (session) => ({
      verdicts: await (property.exclusive ? oneAfterAnother : allTogether)(subject, property, drawn, session),
      before: session.history.slice(),
    }));
    for (const [n, c] of drawn.entries()) countCase(cells, c, subject.supports.causal, isChecked(verdicts[n]));
    const index = verdicts.findIndex((verdict) => verdict.type === 'violated' || verdict.type === 'failed');
    if (index < 0) return outcome(size, { status: 'held' });
    const verdict = verdicts[index] as Caught['verdict'];
    const caught: Caught = { case: drawn[index], verdict, before, at: { seed, index }, found: index + 1 };
    options.tell?.('shrinking', index + 1, subject.calls - callsBefore);
    const limits = { executions: 5_000, deadline: performance.now() + options.shrinkMs, signal: options.signal };
    return verdict.type === 'violated'
      ? outcome(index + 1, {
          status: 'violated',
          counterexample: await cornerViolation(subject, property, arbitrary, caught, limits),
        })
      : outcome(index + 1, {
          status: 'failed',
          failure: await cornerFailure(subject, property, arbitrary, caught, limits),
        });
  } catch (error) {
    if (error instanceof GuardError) return outcome(0, { status: 'skipped', reason: error.message });
    if (!(error instanceof BackendError)) throw error;
    return outcome(0, { status: 'failed', failure: { stage: error.stage, type: error.name, message: error.message } });
  }
}

const isChecked = (verdict: Verdict | undefined): boolean => verdict?.type === 'held' || verdict?.type === 'violated';

const allTogether = (
  subject: Subject,
  property: Property,
  cases: readonly Case[],
  session: Session,
): Promise<Verdict[]> => subject.check(property, cases, session);

/** For properties that open sessions of their own: no two checks at a time, and none after the first that falls. */
async function oneAfterAnother(
  subject: Subject,
  property: Property,
  cases: readonly Case[],
  session: Session,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const c of cases) {
    const [verdict] = await subject.check(property, [c], session);
    verdicts.push(verdict);
    if (verdict.type !== 'held') break;
  }
  return verdicts;
}
