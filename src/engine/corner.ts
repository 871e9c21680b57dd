/** From a check that failed somewhere in a batch to the smallest case that fails, alone or in the company that it needs. */
import type * as fc from 'fast-check';
import type { Case } from '../../reference/model-case';
import { kindOf } from '../cases';
import { BackendError } from '../errors';
import type { CellIndex, Property } from '../property';
import { shortestSequence } from './bisect';
import { runAlone } from './draw';
import type { Counterexample, Failure } from './events';
import { BatchError, type Session } from './session';
import { shrink, unlessInterrupted, type ShrinkLimits, type Shrunk } from './shrink';
import type { Subject, Verdict } from './subject';

/** A check that failed, and where it stood. */
export interface Caught {
  readonly case: Case;
  readonly verdict: Extract<Verdict, { type: 'violated' | 'failed' }>;
  /** What the session was sent until then, oldest first. */
  readonly before: readonly Case[];
  /** Seed of the batch and index in it; absent for a case from a file. */
  readonly at?: { readonly seed: number; readonly index: number };
  /** Cases checked before it fell, itself included. */
  readonly found: number;
}

/** What a cornered check has in common, whether it broke a law or the backend. */
interface Cornered {
  readonly case: Case;
  readonly after: readonly Case[];
  readonly seed?: number;
  readonly path?: string;
  readonly shrinks: number;
  readonly calls: number;
  readonly stopped?: string;
  readonly verdict: Caught['verdict'];
}

/** How many other contents are tried on a counterexample, to say whether they matter. */
const otherContents = 20;

/** Shrinks a violation and says what there is to say about it: which cells leak, whether the contents matter. */
export async function cornerViolation(
  subject: Subject,
  property: Property,
  cases: fc.Arbitrary<Case>,
  caught: Caught,
  limits: ShrinkLimits,
): Promise<Counterexample> {
  const cornered = await corner(subject, property, cases, caught, limits);
  const { violation } = cornered.verdict as Extract<Verdict, { type: 'violated' }>;
  const alone = cornered.after.length === 0 && property.exclusive === undefined;
  return {
    violation,
    case: cornered.case,
    after: cornered.after,
    ...(alone && !limits.signal?.aborted ? await probe(subject, cornered.case) : { leaked: [], ignored: [] }),
    seed: cornered.seed,
    path: cornered.path,
    found: caught.found,
    shrinks: cornered.shrinks,
    ...(cornered.shrinks > 0 && { from: kindOf(caught.case).sizes(caught.case) }),
    calls: cornered.calls,
    contents:
      alone && !limits.signal?.aborted
        ? await varyContents(subject, property, cases, cornered.case)
        : { failed: 0, tried: 0 },
    stopped: cornered.stopped,
  };
}

/** Shrinks a case that the backend could not answer. */
export async function cornerFailure(
  subject: Subject,
  property: Property,
  cases: fc.Arbitrary<Case>,
  caught: Caught,
  limits: ShrinkLimits,
): Promise<Failure> {
  const { error } = caught.verdict as Extract<Verdict, { type: 'failed' }>;
  if (error.stage !== 'answer') return { stage: error.stage, type: error.name, message: error.message };
  if (error instanceof BatchError && error.company !== undefined) {
    const beside = error.company.slice(0, -1);
    return { stage: error.stage, type: error.name, message: error.message, case: error.company.at(-1), beside };
  }
  // What hangs is not shrunk: every further try would cost the whole time limit.
  const cornered =
    error.code === 'timed_out'
      ? { case: caught.case, seed: caught.at?.seed, path: pathOf(caught, []), verdict: caught.verdict }
      : await corner(subject, property, cases, caught, limits);
  const last = (cornered.verdict as Extract<Verdict, { type: 'failed' }>).error;
  return {
    stage: last.stage,
    type: last.name,
    message: last.message,
    case: cornered.case,
    seed: cornered.seed,
    path: cornered.path,
  };
}

async function corner(
  subject: Subject,
  property: Property,
  cases: fc.Arbitrary<Case>,
  caught: Caught,
  limits: ShrinkLimits,
): Promise<Cornered> {
  const start = subject.calls;
  const same = (verdict: Verdict): Caught['verdict'] | undefined =>
    verdict.type === 'violated' && caught.verdict.type === 'violated'
      ? verdict
      : verdict.type === 'failed' &&
          caught.verdict.type === 'failed' &&
          verdict.error.name === caught.verdict.error.name
        ? verdict
        : undefined;
  const checkAfter = (company: readonly Case[], c: Case) =>
    subject.inFreshSession(async (session) => {
      if (company.length > 0) await replay(session, subject, company);
      return same((await subject.check(property, [c], session))[0]);
    });
  const done = (company: readonly Case[], shrunk: Shrunk<Case, Caught['verdict']>): Cornered => ({
    case: shrunk.value,
    after: company,
    seed: company.length === 0 ? caught.at?.seed : undefined,
    path: company.length === 0 ? pathOf(caught, shrunk.path) : undefined,
    shrinks: shrunk.path.length,
    calls: subject.calls - start,
    stopped: shrunk.stopped,
    verdict: shrunk.finding,
  });

  const unshrunk = (stopped: string): Cornered =>
    done([], { value: caught.case, finding: caught.verdict, path: [], executions: 0, stopped });
  const soon = <T>(wait: Promise<T>) => unlessInterrupted(limits.signal, wait);

  const first = await soon(alone(cases, caught, (c) => checkAfter([], c)));
  // With what the arbitrary knows of the way to a case, so that nothing is tried twice; fc.check knows it too, and takes the same path.
  const contexts = new WeakMap<Case, unknown>();
  const smaller = (c: Case) =>
    cases.shrink(c, contexts.get(c)).map(({ value, context }) => {
      contexts.set(value, context);
      return value;
    });
  if (first !== undefined) {
    const candidate = { value: caught.case, finding: first };
    // What brings a session down gets one a candidate: a batch would have to be bisected after every fall.
    if (first.type === 'failed') return done([], await shrink(candidate, smaller, oneByOne(checkAfter, []), limits));
    const quick = await subject.inFreshSession((session) =>
      shrink(candidate, smaller, async (some) => (await subject.check(property, some, session)).map(same), limits),
    );
    // A session that has seen many cases may fail where a fresh one does not: then every candidate gets its own.
    if (quick.path.length === 0) return done([], quick);
    const confirmed = await soon(checkAfter([], quick.value));
    if (confirmed !== undefined) return done([], { ...quick, finding: confirmed });
    return done([], await shrink(candidate, smaller, oneByOne(checkAfter, []), limits));
  }
  if (limits.signal?.aborted) return unshrunk('interrupted');
  const all = caught.before;
  const finding = all.length > 0 ? await soon(checkAfter(all, caught.case)) : undefined;
  if (finding === undefined)
    return unshrunk(
      limits.signal?.aborted ? 'interrupted' : 'it did not happen again, neither alone nor after the calls before it',
    );
  const fails = async (some: readonly Case[]) => (await checkAfter(some, caught.case)) !== undefined;
  const company = (await soon(shortestSequence(all, fails))) ?? all;
  return done(company, await shrink({ value: caught.case, finding }, smaller, oneByOne(checkAfter, company), limits));
}

/** The case again in a session of its own; through fc.check where it has a seed, which proves that seed and path lead to it. */
async function alone(
  cases: fc.Arbitrary<Case>,
  { at, case: c }: Caught,
  check: (c: Case) => Promise<Caught['verdict'] | undefined>,
): Promise<Caught['verdict'] | undefined> {
  if (at === undefined) return check(c);
  let finding: Caught['verdict'] | undefined;
  await runAlone(cases, at.seed, String(at.index), async (again) => {
    finding = await check(again);
    return finding === undefined;
  });
  return finding;
}

const oneByOne =
  (check: (company: readonly Case[], c: Case) => Promise<Caught['verdict'] | undefined>, company: readonly Case[]) =>
  async (some: readonly Case[]) => {
    const findings: (Caught['verdict'] | undefined)[] = some.map(() => undefined);
    for (const [n, c] of some.entries()) {
      findings[n] = await check(company, c);
      // The first that fails is taken; the rest need no trying.
      if (findings[n] !== undefined) break;
    }
    return findings;
  };

const pathOf = ({ at }: Caught, steps: readonly number[]): string | undefined =>
  at === undefined ? undefined : [at.index, ...steps].join(':');

async function replay(session: Session, subject: Subject, company: readonly Case[]): Promise<void> {
  subject.calls += company.length;
  try {
    await session.attend(company);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
  }
}

/** Which cells of a case leak or are ignored, by the support probe; empty where the backend does not answer it. */
export async function probe(
  subject: Subject,
  c: Case,
): Promise<{ leaked: readonly CellIndex[]; ignored: readonly CellIndex[] }> {
  const kind = kindOf(c);
  if (kind.probe === undefined) return { leaked: [], ignored: [] };
  try {
    return await subject.inFreshSession((session) => subject.ask(session, (context) => kind.probe!(context, c)));
  } catch (error) {
    if (error instanceof BackendError) return { leaked: [], ignored: [] };
    throw error;
  }
}

/** The same mask and sizes with other contents: how many of them fail as well. */
async function varyContents(
  subject: Subject,
  property: Property,
  cases: fc.Arbitrary<Case>,
  c: Case,
): Promise<{ failed: number; tried: number }> {
  const others = Array.from({ length: otherContents }, (_, n) => kindOf(c).withOtherContents(c, n)).filter((other) =>
    cases.canShrinkWithoutContext(other),
  );
  const verdicts = await subject.inFreshSession((session) => subject.check(property, others, session));
  return { failed: verdicts.filter((verdict) => verdict.type === 'violated').length, tried: verdicts.length };
}
