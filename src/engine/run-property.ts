/** One property on one backend: draws batches until the budget is spent or something falls, and corners what fell. */
import { performance } from 'node:perf_hooks';
import type { AttentionCase } from '../../reference/case';
import { BackendError } from '../errors';
import type { Property, RowTally } from '../property';
import { cornerFailure, cornerViolation, type Caught } from './corner';
import type { Coverage } from './coverage';
import { casesOf, drawBatch, GuardError, reasonToSkip } from './draw';
import type { Outcome, RunEvent } from './events';
import { batchSeed, batchSize } from './seed';
import type { Session } from './session';
import type { ShrinkLimits } from './shrink';
import type { Subject, Verdict } from './subject';

export interface PropertyOptions {
  /** Of the run. */
  readonly seed: number;
  /** Cases at the most. */
  readonly runs: number;
  /** performance.now() after which no further batch is drawn. */
  readonly deadline: number;
  /** Milliseconds that shrinking may take. */
  readonly shrinkMs: number;
  readonly signal?: AbortSignal;
  /** Cases that are known to fail and are not drawn. */
  readonly leaveOut?: (c: AttentionCase) => boolean;
  readonly coverage?: Coverage;
  readonly emit: (event: RunEvent) => void;
}

/** Never throws for what the backend does. */
export async function runProperty(subject: Subject, property: Property, options: PropertyOptions): Promise<Outcome> {
  const started = performance.now();
  const callsBefore = subject.calls;
  const rowsBefore = { ...subject.rows };
  let cases = 0;
  const outcome = (rest: Pick<Outcome, 'status'> & Partial<Outcome>): Outcome => ({
    property: property.id,
    statement: property.statement,
    backend: subject.backend.name,
    cases,
    calls: subject.calls - callsBefore,
    seconds: (performance.now() - started) / 1000,
    rows: since(rowsBefore, subject.rows),
    ...rest,
  });

  const reason = reasonToSkip(property, subject.supports);
  if (reason !== undefined) return outcome({ status: 'skipped', reason });
  const arbitrary = casesOf(property, subject.supports, options.leaveOut);
  const limits = (): ShrinkLimits => ({ executions: 5_000, deadline: performance.now() + options.shrinkMs, signal: options.signal });
  let session: Session | undefined;
  try {
    session = await subject.open();
    // However little time there is, one case of every property is checked.
    const goesOn = (batch: number) => cases < options.runs && (batch === 0 || performance.now() < options.deadline) && !options.signal?.aborted;
    for (let batch = 0; goesOn(batch); batch++) {
      const seed = batchSeed(options.seed, property.id, batch);
      const drawn = drawBatch(arbitrary, seed, Math.min(batchSize(batch), options.runs - cases));
      for (const c of drawn) options.coverage?.add(c);
      const verdicts = property.exclusive ? await oneAfterAnother(subject, property, drawn, session) : await subject.check(property, drawn, session);
      const index = verdicts.findIndex((verdict) => verdict.type === 'violated' || verdict.type === 'failed');
      if (index >= 0) {
        cases += index + 1;
        const verdict = verdicts[index] as Caught['verdict'];
        const caught: Caught = { case: drawn[index], verdict, before: session.history.slice(), at: { seed, index }, found: cases };
        options.emit({ type: 'progress', backend: subject.backend.name, property: property.id, stage: 'shrinking', cases, calls: subject.calls - callsBefore });
        return verdict.type === 'violated'
          ? outcome({ status: 'violated', counterexample: await cornerViolation(subject, property, arbitrary, caught, limits()) })
          : outcome({ status: 'failed', failure: await cornerFailure(subject, property, arbitrary, caught, limits()) });
      }
      cases += drawn.length;
      options.emit({ type: 'progress', backend: subject.backend.name, property: property.id, stage: 'searching', cases, calls: subject.calls - callsBefore });
    }
  } catch (error) {
    if (error instanceof GuardError) return outcome({ status: 'skipped', reason: error.message });
    if (!(error instanceof BackendError)) throw error;
    return outcome({ status: 'failed', failure: { stage: error.stage, type: error.name, message: error.message } });
  } finally {
    await session?.close();
  }
  return cases === 0 ? outcome({ status: 'skipped', reason: 'the run was interrupted' }) : outcome({ status: 'held' });
}

/** For properties that open sessions of their own: no two checks at a time, and none after the first that falls. */
async function oneAfterAnother(subject: Subject, property: Property, cases: readonly AttentionCase[], session: Session): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const c of cases) {
    const [verdict] = await subject.check(property, [c], session);
    verdicts.push(verdict);
    if (verdict.type !== 'held') break;
  }
  return verdicts;
}

function since(before: Record<RowTally, number>, now: Record<RowTally, number>): Record<RowTally, number> {
  const names = Object.keys(now) as RowTally[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as Record<RowTally, number>;
}
