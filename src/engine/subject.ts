/** A backend under test, with all that is known about it: opens its sessions, runs checks on it, counts. */
import type { AttentionCase } from '../../reference/case';
import { expectationOf, type Expectation } from '../../reference/expectation';
import type { Case } from '../../reference/model-case';
import type { Backend, ModelSupports, ResolvedSupports } from '../backend';
import { specOf } from '../backends/spec';
import type { Result } from '../cases/kind';
import { BackendError } from '../errors';
import type {
  Answer,
  ModelAnswer,
  ModelContext,
  Property,
  PropertyContext,
  Refusal,
  RowTally,
  Violation,
} from '../property';
import { precisionOf, resolveSupports } from '../supports';
import { together, type Ask, type Send } from './barrier';
import { firstCulprit, shortestSequence } from './bisect';
import type { BackendInfo } from './events';
import type { Reference } from './reference';
import { BatchError, OpenError, Session } from './session';

/** What one check came to. `unanswered`: another case of its batch brought the backend down. */
export type Verdict =
  | { readonly type: 'held' }
  | { readonly type: 'violated'; readonly violation: Violation }
  | { readonly type: 'failed'; readonly error: BackendError }
  | { readonly type: 'unanswered' };

type Reply = Answer | ModelAnswer | Refusal | Expectation;
/** Whatever its kind of case, a check finds here what it may do. */
export type Context = PropertyContext & ModelContext;

/** Another case of the same batch brought the backend down before this one was answered. */
class Unanswered extends Error {}

export class Subject {
  readonly backend: Backend;
  readonly supports: ResolvedSupports;
  readonly reference: Reference;
  readonly timeoutMs: number;
  /** Cases sent to the backend so far, in all sessions. */
  calls = 0;
  readonly rows: Record<RowTally, number> = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
  readonly #expectations = new WeakMap<AttentionCase, Expectation>();

  constructor(backend: Backend, reference: Reference, timeoutMs: number) {
    this.backend = backend;
    this.supports = resolveSupports(backend.supports);
    this.reference = reference;
    this.timeoutMs = timeoutMs;
  }

  get info(): BackendInfo {
    return {
      name: this.backend.name,
      spec: specOf(this.backend),
      versions: this.backend.versions ?? {},
      supports: this.supports,
    };
  }

  /** Throws a BackendError of stage 'open'. */
  open(): Promise<Session> {
    return Session.open(this.backend, this.supports, this.timeoutMs);
  }

  /** Runs `use` in a session of its own. */
  async inFreshSession<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.open();
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  }

  /** The definition's answer under this backend's conventions and precision; computed once a case. */
  expect(c: AttentionCase): Expectation {
    const known = this.#expectations.get(c);
    if (known !== undefined) return known;
    const expectation = expectationOf(c, this.supports, precisionOf(this.supports, c.query.dtype));
    this.#expectations.set(c, expectation);
    return expectation;
  }

  /** Checks one property on many cases at once, in one session. Rethrows what is neither a finding nor the backend's fault. */
  async check(property: Property, cases: readonly Case[], session: Session): Promise<Verdict[]> {
    const checks = cases.map((c) => (ask: Ask<Reply>) => property.check(this.#context(ask), c));
    const settled = await together<Reply, Violation | undefined>(checks, this.#send(session));
    return settled.map((result): Verdict => {
      if (result.status === 'fulfilled')
        return result.value === undefined ? { type: 'held' } : { type: 'violated', violation: result.value };
      if (result.reason instanceof OpenError) throw result.reason;
      if (result.reason instanceof BackendError) return { type: 'failed', error: result.reason };
      if (result.reason instanceof Unanswered) return { type: 'unanswered' };
      throw result.reason;
    });
  }

  /** Asks on behalf of nobody's property: throws what the backend errs with. */
  async ask<T>(session: Session, use: (context: Context) => Promise<T>): Promise<T> {
    const [result] = await together<Reply, T>([(ask) => use(this.#context(ask))], this.#send(session));
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  #context(ask: Ask<Reply>): Context {
    return {
      supports: this.supports,
      // A property of models is asked of nothing else.
      model: this.supports.model as ModelSupports,
      attend: async (cases) => (await ask('backend', cases)) as Answer[],
      forward: async (cases) => (await ask('backend', cases)) as ModelAnswer[],
      attempt: async (c) => (await ask('alone', [c]))[0] as Answer | Refusal,
      reference: async (cases) =>
        this.reference.answers ? ((await ask('reference', cases)) as Expectation[]) : cases.map((c) => this.expect(c)),
      inFreshSession: (use) =>
        this.inFreshSession((session) =>
          use(async (cases) => (await this.#answers(session, cases)).map((reply) => thrown(reply) as Answer)),
        ),
      expect: (c) => this.expect(c),
      tally: (what, rows) => {
        this.rows[what] += rows;
      },
    };
  }

  #send(session: Session): Send<Reply> {
    return (target, cases) => {
      if (target === 'reference') return this.reference.answers!(cases as AttentionCase[], this);
      return target === 'alone' ? this.#attempt(session, cases[0]) : this.#answers(session, cases);
    };
  }

  /** One answer or BackendError a case; where the whole call fails, the case that did it has the error, and the others are asked again, `patience` times. */
  async #answers(session: Session, cases: readonly Case[], patience = 2): Promise<(Reply | Error)[]> {
    this.calls += cases.length;
    try {
      return (await session.attend(cases)).map((result) => this.#judged(result));
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      if (error.code === 'timed_out' && cases.length > 1) return this.#byHalves(cases);
      const culprit = cases.length === 1 ? 0 : await firstCulprit(cases, (some) => this.throwsOn(some));
      if (culprit === undefined) {
        error.company = await shortestSequence(cases, (some) => this.throwsOn(some));
        throw error;
      }
      const others = cases.filter((_, n) => n !== culprit);
      const answers =
        patience > 0 && others.length > 0
          ? await this.inFreshSession((fresh) => this.#answers(fresh, others, patience - 1))
          : others.map(() => new Unanswered());
      return answers.toSpliced(culprit, 0, error);
    }
  }

  /** A batch that is slow as a whole is no finding while its cases are answered in time: half of it at a time, until what hangs is alone. */
  async #byHalves(cases: readonly Case[]): Promise<(Reply | Error)[]> {
    const middle = cases.length >> 1;
    const answers = (some: readonly Case[]) => this.inFreshSession((session) => this.#answers(session, some));
    const first = await answers(cases.slice(0, middle));
    const rest = cases.slice(middle);
    return [
      ...first,
      ...(first.some((reply) => reply instanceof Error) ? rest.map(() => new Unanswered()) : await answers(rest)),
    ];
  }

  async #attempt(session: Session, c: Case): Promise<(Reply | Error)[]> {
    this.calls++;
    try {
      const [result] = await session.attend([c]);
      return 'error' in result ? [result] : [this.#judged(result)];
    } catch (error) {
      if (!(error instanceof BatchError) || error.code !== 'threw') throw error;
      return [{ error: { type: error.name, message: error.message } }];
    }
  }

  /** Whether a fresh session fails on these cases sent in one call. */
  throwsOn(cases: readonly Case[]): Promise<boolean> {
    this.calls += cases.length;
    return this.inFreshSession(async (session) => {
      try {
        await session.attend(cases);
        return false;
      } catch (error) {
        if (error instanceof BatchError) return true;
        throw error;
      }
    });
  }

  #judged(result: Result): Answer | ModelAnswer | BackendError {
    const { name } = this.backend;
    if ('malformed' in result)
      return new BackendError(
        { type: 'BackendShapeError', code: 'wrong_shape', stage: 'answer', backend: name },
        {
          what: `The backend ${name} ${result.malformed}.`,
          mend: 'Tensors are { dtype, shape, data }, row-major, in the dtype of the query.',
        },
      );
    if ('error' in result)
      return new BackendError(
        { type: result.error.type, code: 'refused', stage: 'answer', backend: name },
        {
          what: `The backend ${name} answered a case that it declares with ${result.error.type}: ${result.error.message}`,
          mend: 'Mend it, or declare in supports what it does not take.',
        },
      );
    return result;
  }
}

function thrown<T>(reply: T | Error): T {
  if (reply instanceof Error) throw reply;
  return reply;
}

/** What was counted since then. */
export function rowsSince(
  before: Readonly<Record<RowTally, number>>,
  now: Readonly<Record<RowTally, number>>,
): Record<RowTally, number> {
  const names = Object.keys(now) as RowTally[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as Record<RowTally, number>;
}
