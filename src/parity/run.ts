/** Several backends on the same cases: how far they are apart, and the smallest case that tells them apart. */
import { performance } from 'node:perf_hooks';
import type * as fc from 'fast-check';
import type { Case } from '../../reference/model-case';
import { drawBatch } from '../engine/draw';
import { batchesOf, batchSeed } from '../engine/seed';
import type { Session } from '../engine/session';
import { shrink } from '../engine/shrink';
import type { Subject } from '../engine/subject';
import { BackendError } from '../errors';
import type { Result } from '../cases/kind';
import type { Violation } from '../property';
import { Distances } from './distances';
import { asked, compareAnswers, silenceOf } from './judge';
import { regimeOf, regimes } from './regime';

export interface ParityOptions {
  readonly runs: number;
  readonly seed: number;
  /** Milliseconds that making one difference small may take. */
  readonly shrinkMs: number;
  readonly signal?: { readonly aborted: boolean };
}

/** The first case that tells two backends apart, made small. */
export interface Difference {
  readonly case: Case;
  readonly violation: Violation;
  /** Cases compared before it, itself included. */
  readonly found: number;
  readonly shrinks: number;
  readonly stopped?: string;
}

/** One kind of mask. */
export interface Regime {
  readonly name: string;
  readonly rows: number;
  readonly largest: number;
  /** The largest among rows that nobody makes a claim of: padded positions of models. */
  readonly unclaimed: number;
}

export interface PairParity {
  readonly first: string;
  readonly second: string;
  readonly rows: { readonly compared: number; readonly declared: number; readonly unclaimed: number };
  /** In sums of the two radii: above 1, they differ. */
  readonly largest: number;
  readonly p99: number;
  readonly regimes: readonly Regime[];
  /** Cases with a row beyond 1. */
  readonly differing: number;
  readonly difference?: Difference;
}

/** A backend that did not answer: how often, and what it said first. */
export interface Silence {
  readonly backend: string;
  readonly cases: number;
  readonly message: string;
  readonly case?: Case;
}

export interface Parity {
  readonly seed: number;
  readonly cases: number;
  readonly interrupted: boolean;
  readonly pairs: readonly PairParity[];
  readonly silences: readonly Silence[];
}

/** Never throws for what a backend does; two of them at the least. `cases` are what all of them declare to take. */
export async function compareBackends(
  subjects: readonly Subject[],
  cases: fc.Arbitrary<Case>,
  options: ParityOptions,
): Promise<Parity> {
  const pairs = subjects.flatMap((first, n) => subjects.slice(n + 1).map((second) => new Pair(first, second)));
  const silences = new Map<Subject, { cases: number; message: string; case?: Case }>();
  const fallSilent = (subject: Subject, message: string, c?: Case) => {
    const before = silences.get(subject);
    silences.set(subject, before ? { ...before, cases: before.cases + 1 } : { cases: 1, message, case: c });
  };
  let compared = 0;
  const sessions = new Map<Subject, Session>();
  try {
    for (const subject of subjects) {
      try {
        sessions.set(subject, await subject.open());
      } catch (error) {
        fallSilent(subject, messageOf(error));
      }
    }
    for (const { batch, size } of batchesOf(options.runs)) {
      if (options.signal?.aborted) break;
      const drawn = drawBatch(cases, batchSeed(options.seed, 'compare', batch), size);
      const answers = new Map<Subject, readonly (readonly Result[])[]>();
      await Promise.all(
        [...sessions].map(async ([subject, session]) => {
          try {
            answers.set(subject, await ask(subject, session, drawn));
          } catch (error) {
            sessions.delete(subject);
            fallSilent(subject, messageOf(error));
          }
        }),
      );
      for (const [n, c] of drawn.entries()) {
        for (const [subject, given] of answers) {
          const said = silenceOf(given[n]);
          if (said !== undefined) fallSilent(subject, said, c);
        }
        for (const pair of pairs)
          pair.take(c, answers.get(pair.first)?.[n], answers.get(pair.second)?.[n], compared + n);
      }
      compared += drawn.length;
    }
  } finally {
    await Promise.all([...sessions.values()].map((session) => session.close()));
  }
  return {
    seed: options.seed,
    cases: compared,
    interrupted: options.signal?.aborted === true,
    pairs: await inOrder(pairs, (pair) => pair.result(cases, options)),
    silences: [...silences].map(([{ backend }, silence]) => ({ backend: backend.name, ...silence })),
  };
}

/** What a backend answered to each case, and to what tells how far it may be off; all in one call. */
async function ask(subject: Subject, session: Session, cases: readonly Case[]): Promise<Result[][]> {
  const questions = cases.map((c) => asked(c, subject));
  const given = (await session.attend(questions.flat()))[Symbol.iterator]();
  return questions.map((some) => some.map(() => given.next().value as Result));
}

async function inOrder<T, R>(items: readonly T[], use: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await use(item));
  return results;
}

function messageOf(error: unknown): string {
  if (error instanceof BackendError) return `${error.name}: ${error.message}`;
  throw error;
}

/** Two backends, and all that was seen of them. */
class Pair {
  readonly first: Subject;
  readonly second: Subject;
  readonly #distances = new Distances();
  readonly #rows = { compared: 0, declared: 0, unclaimed: 0 };
  #differing = 0;
  readonly #regimes = new Map<string, Regime>();
  #caught: { readonly case: Case; readonly violation: Violation; readonly found: number } | undefined;

  constructor(first: Subject, second: Subject) {
    this.first = first;
    this.second = second;
  }

  take(c: Case, a: readonly Result[] | undefined, b: readonly Result[] | undefined, before: number): void {
    const judged = compareAnswers(c, [this.first, a], [this.second, b]);
    if (judged === undefined) return;
    const name = regimeOf(c);
    let { rows, largest, unclaimed } = this.#regimes.get(name) ?? { rows: 0, largest: 0, unclaimed: 0 };
    for (const { state, distance } of judged.rows) {
      this.#rows[state]++;
      if (state === 'unclaimed') unclaimed = Math.max(unclaimed, distance);
      if (state !== 'compared') continue;
      this.#distances.add(distance);
      rows++;
      largest = Math.max(largest, distance);
    }
    this.#regimes.set(name, { name, rows, largest, unclaimed });
    if (judged.violation === undefined) return;
    this.#differing++;
    this.#caught ??= { case: c, violation: judged.violation, found: before + 1 };
  }

  async result(cases: fc.Arbitrary<Case>, options: ParityOptions): Promise<PairParity> {
    return {
      first: this.first.backend.name,
      second: this.second.backend.name,
      rows: this.#rows,
      largest: this.#distances.largest,
      p99: this.#distances.quantile(0.99),
      regimes: regimes.flatMap((name) => this.#regimes.get(name) ?? []),
      differing: this.#differing,
      ...(this.#caught && { difference: await this.#smallest(this.#caught, cases, options) }),
    };
  }

  async #smallest(
    caught: { readonly case: Case; readonly violation: Violation; readonly found: number },
    cases: fc.Arbitrary<Case>,
    { shrinkMs, signal }: ParityOptions,
  ): Promise<Difference> {
    const limits = { executions: 5_000, deadline: performance.now() + shrinkMs, signal };
    const { value, finding, path, stopped } = await shrink(
      { value: caught.case, finding: caught.violation },
      (c) => cases.shrink(c, undefined).map((smaller) => smaller.value),
      (some) => this.#again(some),
      limits,
    );
    return { case: value, violation: finding, found: caught.found, shrinks: path.length, ...(stopped && { stopped }) };
  }

  /** Each case again in fresh sessions: how the two differ on it, if they do. */
  async #again(some: readonly Case[]): Promise<(Violation | undefined)[]> {
    const answers = await Promise.all(
      [this.first, this.second].map(async (subject) => {
        try {
          return await subject.inFreshSession((session) => ask(subject, session, some));
        } catch (error) {
          if (error instanceof BackendError) return [];
          throw error;
        }
      }),
    );
    return some.map((c, n) => compareAnswers(c, [this.first, answers[0][n]], [this.second, answers[1][n]])?.violation);
  }
}
