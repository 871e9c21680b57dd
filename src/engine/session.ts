/** One open session of a backend: the only place that calls `open`, `attend` and `close`. */
import type { AttentionCase } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import { isRemote, type Backend, type BackendSession, type RemoteSession, type ResolvedSupports } from '../backend';
import { BackendError } from '../errors';
import { kindOf } from '../cases';
import type { Result } from '../cases/kind';
import { describe } from '../cases/read-tensor';
import { readAnswer } from './answers';
import { awaitWithin, TimeLimitError, within } from './guard';
import type { Stage } from './events';

/** A call that failed as a whole: it threw, hung, or gave no list of the right length. */
export class BatchError extends BackendError {
  /** Where no case of the batch fails alone: the fewest of them that fail when they are sent together. */
  company?: readonly Case[];
}

/** A session that did not come about: nothing that was asked in it is to blame. */
export class OpenError extends BackendError {}

const notOpened = 'The backend was not opened.';

/** How many cases a session remembers. */
const remembered = 512;

export class Session {
  /** The last cases that were sent, oldest first: the possible company of a failure. */
  readonly history: Case[] = [];
  readonly #backend: Backend;
  readonly #supports: ResolvedSupports;
  readonly #timeoutMs: number;
  readonly #inner: BackendSession | RemoteSession;

  private constructor(backend: Backend, supports: ResolvedSupports, timeoutMs: number, inner: BackendSession) {
    this.#backend = backend;
    this.#supports = supports;
    this.#timeoutMs = timeoutMs;
    this.#inner = inner;
  }

  /** Throws a BackendError of stage 'open'. */
  static async open(backend: Backend, supports: ResolvedSupports, timeoutMs: number): Promise<Session> {
    if (isRemote(backend)) return new Session(backend, supports, timeoutMs, backend.openLater());
    let inner: BackendSession;
    try {
      inner = await within(timeoutMs, () => backend.open());
    } catch (error) {
      throw failure(backend.name, 'open', error, notOpened);
    }
    if (typeof inner?.attend !== 'function')
      throw new BackendError(
        { type: 'BackendShapeError', code: 'no_attend', stage: 'open', backend: backend.name },
        {
          what: `The backend ${backend.name} opened without attend: open() gave ${describe(inner)}.`,
          mend: 'open() returns { attend(cases), close?() }.',
        },
      );
    return new Session(backend, supports, timeoutMs, inner);
  }

  /** One call of the backend with copies of the cases. Throws a BatchError where the call fails as a whole. */
  async attend(cases: readonly Case[]): Promise<Result[]> {
    this.history.push(...cases);
    this.history.splice(0, this.history.length - remembered);
    const remote = 'attendInTurn' in this.#inner ? this.#inner : undefined;
    // A backend is only ever asked for the kind of case that it answers.
    const sent = (remote ? cases : cases.map((c) => kindOf(c).copy(c))) as readonly AttentionCase[];
    let given: unknown;
    try {
      // What another process does is not ours to interrupt, and watching for it is dear.
      given = await (remote
        ? remote.attendInTurn(sent, (answers) => awaitWithin(this.#timeoutMs, answers))
        : within<unknown>(this.#timeoutMs, () => this.#inner.attend(sent.slice())));
    } catch (error) {
      if (remote?.isOpening) throw failure(this.#backend.name, 'open', error, notOpened);
      throw failure(this.#backend.name, 'answer', error, `It was answering ${cases.length} cases.`);
    }
    if (!Array.isArray(given) || given.length !== cases.length) {
      const found = Array.isArray(given) ? `${given.length} answers` : describe(given);
      throw new BatchError(
        { type: 'BackendShapeError', code: 'wrong_length', stage: 'answer', backend: this.#backend.name },
        {
          what: `The backend ${this.#backend.name} gave ${found} for ${cases.length} cases.`,
          mend: 'attend(cases) returns a list with one answer a case, in order.',
        },
      );
    }
    return cases.map((c, n) => readAnswer(given[n], sent[n], c, this.#supports, remote !== undefined));
  }

  /** Never throws: what happens after the last answer is nobody's finding. */
  async close(): Promise<void> {
    try {
      if (isRemote(this.#backend)) return void Promise.resolve(this.#inner.close?.()).catch(() => undefined);
      if (this.#inner.close) await within(this.#timeoutMs, () => this.#inner.close?.());
    } catch {
      // A backend that cannot close has answered everything all the same.
    }
  }
}

function failure(name: string, stage: Stage, error: unknown, fact: string): BackendError {
  const [doing, Failed] = stage === 'open' ? ['opening', OpenError] : ['answering', BatchError];
  if (error instanceof TimeLimitError)
    return new Failed(
      { type: 'BackendTimeoutError', code: 'timed_out', stage, backend: name },
      {
        what: `The backend ${name} did not come back within ${error.timeoutMs} ms while ${doing}.`,
        facts: [fact],
        mend: 'Give it longer with --timeout, or mend the loop that does not end.',
      },
      { cause: error },
    );
  // A worker's own words for how it failed are better than ours.
  if (error instanceof BackendError)
    return new Failed({ type: error.name, code: error.code, stage: error.stage, backend: name }, error.message, {
      cause: error,
    });
  const type = error instanceof Error ? error.name : typeof error;
  const message = error instanceof Error ? error.message : describe(error);
  return new Failed(
    { type: 'BackendThrewError', code: 'threw', stage, backend: name },
    { what: `The backend ${name} threw ${type} while ${doing}: ${message}`, facts: [fact, ...placeOf(error)] },
    { cause: error },
  );
}

/** The first line of a stack that is not ours. */
function placeOf(error: unknown): string[] {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  const line = lines.find((x) => x.trimStart().startsWith('at ') && !x.includes('node:'));
  return line === undefined ? [] : [line.trim()];
}
