/** One case again: by value, by seed and path, or a case from elsewhere made small. */
import { performance } from 'node:perf_hooks';
import type { Case } from '../../reference/model-case';
import { kindOf, kindOfProperty } from '../cases';
import { BackendError, UsageError } from '../errors';
import type { Property, Violation } from '../property';
import { cornerFailure, cornerViolation, probe, type Caught } from './corner';
import { casesOf, runAlone } from './draw';
import type { Counterexample, Outcome } from './events';
import { rowsSince, type Subject, type Verdict } from './subject';

/** Why a property has nothing to say about a case on a backend, or undefined. */
export function misfit(subject: Subject, property: Property, c: Case): string | undefined {
  const { supports } = subject;
  const kind = kindOfProperty(property);
  const reason =
    kind.unmet(property, supports) ??
    (kind === kindOf(c) ? kind.admits(property, supports, c) : `it is about another kind of case (${kind.name})`);
  if (reason !== undefined) return reason;
  return (property.guard?.(c, supports) ?? true) ? undefined : `the guard of ${property.id} leaves this case out`;
}

/** Checks a case by value in a fresh session, after the calls that it needs before it. `skipped` where the property has nothing to say about it. */
export async function replayCase(
  subject: Subject,
  property: Property,
  c: Case,
  after: readonly Case[] = [],
): Promise<Outcome> {
  const { outcome } = clock(subject, property);
  const reason = misfit(subject, property, c);
  if (reason !== undefined) return outcome({ status: 'skipped', reason, cases: 0 });
  const verdict = await checkOnce(subject, property, c, after);
  if (verdict.type === 'violated')
    return outcome({ status: 'violated', counterexample: asItCame(c, after, verdict.violation), cases: 1 });
  if (verdict.type === 'failed')
    return outcome({
      status: 'failed',
      failure: { stage: verdict.error.stage, type: verdict.error.name, message: verdict.error.message, case: c },
      cases: 1,
    });
  return outcome({ status: 'held', cases: 1 });
}

/** Makes the case of a seed and path again and checks it. Throws a UsageError where the path leads nowhere. */
export async function replayPath(subject: Subject, property: Property, seed: number, path: string): Promise<Outcome> {
  const { outcome } = clock(subject, property);
  const reason = kindOfProperty(property).unmet(property, subject.supports);
  if (reason !== undefined) return outcome({ status: 'skipped', reason, cases: 0 });
  const lost = () =>
    new UsageError('bad_path', {
      what: `Path ${path} of seed ${seed} leads to no case of ${property.id} on ${subject.backend.name}.`,
      mend: 'Seed and path belong to one version of maskproof and to what the backend declared then; a saved counterexample can be replayed for ever.',
    });
  const made = await runAlone(casesOf(property, subject.supports), seed, path, async () => false).catch(
    (error: unknown) => {
      throw error instanceof Error && error.message.includes('path') ? lost() : error;
    },
  );
  if (made === undefined) throw lost();
  const replayed = await replayForPicture(subject, property, made.value);
  return replayed.counterexample
    ? { ...replayed, counterexample: { ...replayed.counterexample, seed, path } }
    : replayed;
}

/** Makes a failing case from elsewhere as small as it goes; `held` where it does not fail. */
export async function shrinkForeign(
  subject: Subject,
  property: Property,
  c: Case,
  options: { shrinkMs: number; signal?: AbortSignal },
): Promise<Outcome> {
  const { outcome } = clock(subject, property);
  const reason = misfit(subject, property, c);
  if (reason !== undefined) return outcome({ status: 'skipped', reason, cases: 0 });
  const verdict = await checkOnce(subject, property, c, []);
  if (verdict.type === 'held' || verdict.type === 'unanswered') return outcome({ status: 'held', cases: 1 });
  const caught: Caught = { case: c, verdict, before: [], found: 1 };
  const limits = { executions: 20_000, deadline: performance.now() + options.shrinkMs, signal: options.signal };
  const cases = casesOf(property, subject.supports);
  return verdict.type === 'violated'
    ? outcome({
        status: 'violated',
        cases: 1,
        counterexample: await cornerViolation(subject, property, cases, caught, limits),
      })
    : outcome({ status: 'failed', cases: 1, failure: await cornerFailure(subject, property, cases, caught, limits) });
}

/** The same, and which cells leak or are ignored, for whoever is to see it. */
export async function replayForPicture(
  subject: Subject,
  property: Property,
  c: Case,
  after: readonly Case[] = [],
): Promise<Outcome> {
  const outcome = await replayCase(subject, property, c, after);
  const { counterexample } = outcome;
  if (counterexample === undefined || after.length > 0 || property.exclusive) return outcome;
  const before = subject.calls;
  const cells = await probe(subject, c);
  return {
    ...outcome,
    calls: outcome.calls + subject.calls - before,
    counterexample: { ...counterexample, ...cells },
  };
}

async function checkOnce(subject: Subject, property: Property, c: Case, after: readonly Case[]): Promise<Verdict> {
  try {
    return await subject.inFreshSession(async (session) => {
      if (after.length > 0) await session.attend(after);
      return (await subject.check(property, [c], session))[0];
    });
  } catch (error) {
    if (error instanceof BackendError) return { type: 'failed', error };
    throw error;
  }
}

const asItCame = (c: Case, after: readonly Case[], violation: Violation): Counterexample => ({
  violation,
  case: c,
  after,
  leaked: [],
  ignored: [],
  found: 1,
  shrinks: 0,
  calls: 0,
  contents: { failed: 0, tried: 0 },
});

function clock(subject: Subject, property: Property) {
  const started = performance.now();
  const before = subject.calls;
  const rows = { ...subject.rows };
  const outcome = (rest: Pick<Outcome, 'status' | 'cases'> & Partial<Outcome>): Outcome => ({
    property: property.id,
    statement: property.statement,
    backend: subject.backend.name,
    calls: subject.calls - before,
    seconds: (performance.now() - started) / 1000,
    rows: rowsSince(rows, subject.rows),
    ...rest,
  });
  return { outcome };
}
