/**
 * Runs many checks at once and sends what they ask for in as few batches as there can be: whenever every live check
 * waits, all that is asked for goes out together. A barrier and not a timer, so that the batches are the same in every run.
 */
import type { Case } from '../../reference/model-case';

/** Who is asked: the backend with everyone else, the backend alone, or the run's reference. */
export type Target = 'backend' | 'alone' | 'reference';
/** What a check holds to ask with: cases in, one result a case out. */
export type Ask<R> = (target: Target, cases: readonly Case[]) => Promise<readonly R[]>;
/** Sends one batch. An entry that is an Error is thrown to the check whose case it is. */
export type Send<R> = (target: Target, cases: readonly Case[]) => Promise<readonly (R | Error)[]>;

interface Request<R> {
  readonly check: number;
  readonly target: Target;
  readonly cases: readonly Case[];
  resolve(results: readonly R[]): void;
  reject(error: unknown): void;
}

/** Settles like Promise.allSettled, in the checks' order. */
export async function together<R, T>(
  checks: readonly ((ask: Ask<R>) => Promise<T>)[],
  send: Send<R>,
): Promise<PromiseSettledResult<T>[]> {
  let requests: Request<R>[] = [];
  const waiting = new Set<number>();
  let live = checks.length;

  const flush = async () => {
    const due = requests.sort((a, b) => a.check - b.check);
    requests = [];
    waiting.clear();
    for (const batch of batches(due)) await answer(batch, send);
  };
  const flushIfAllWait = () => {
    if (live > 0 && waiting.size === live) void flush();
  };
  const settled = checks.map(async (check, n) => {
    const ask: Ask<R> = (target, cases) =>
      new Promise((resolve, reject) => {
        requests.push({ check: n, target, cases, resolve, reject });
        waiting.add(n);
        // Later in this turn, so that a check may ask for several things at once.
        queueMicrotask(flushIfAllWait);
      });
    try {
      return await check(ask);
    } finally {
      live--;
      queueMicrotask(flushIfAllWait);
    }
  });
  return Promise.allSettled(settled);
}

/** Everything for one target in one batch, but what wants to be alone. */
function batches<R>(due: readonly Request<R>[]): Request<R>[][] {
  const of = (target: Target) => due.filter((request) => request.target === target);
  return [of('backend'), of('reference'), ...of('alone').map((request) => [request])].filter(
    (batch) => batch.length > 0,
  );
}

async function answer<R>(batch: readonly Request<R>[], send: Send<R>): Promise<void> {
  let results: readonly (R | Error)[];
  try {
    results = await send(
      batch[0].target,
      batch.flatMap((request) => request.cases),
    );
  } catch (error) {
    for (const request of batch) request.reject(error);
    return;
  }
  let from = 0;
  for (const request of batch) {
    const mine = results.slice(from, (from += request.cases.length));
    const error = mine.find((result) => result instanceof Error);
    if (error) request.reject(error);
    else request.resolve(mine as readonly R[]);
  }
}
