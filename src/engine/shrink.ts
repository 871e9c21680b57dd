/** Walks from a failing value to a smaller one until none of the next fails: greedy, first failure taken, as fast-check does, so that the path is fast-check's own. */
import { turn } from '../turn';

export interface ShrinkLimits {
  /** Values tried at the most. */
  readonly executions: number;
  /** performance.now() after which no further value is tried. */
  readonly deadline: number;
  readonly signal?: { readonly aborted: boolean };
}

export interface Shrunk<T, F> {
  readonly value: T;
  readonly finding: F;
  /** Index of the accepted candidate, level by level. */
  readonly path: readonly number[];
  readonly executions: number;
  /** Why it stopped while candidates were left. */
  readonly stopped?: string;
}

const interrupted = 'interrupted';
/** Milliseconds that an answer may still take once the run is interrupted: less than a run waits for what is found. */
const graceMs = 1_000;

/** How many candidates of a level go out together: few at first, since the first ones are the likeliest, then as many as a batch holds. */
const chunkSizes = [1, 2, 4, 8, 16, 32];

/**
 * `candidates` gives smaller values, best first; `test` says for each whether it fails, and how.
 * A level ends with its first failing candidate; shrinking ends with a level in which none fails, or at a limit.
 */
export async function shrink<T, F>(
  start: { readonly value: T; readonly finding: F },
  candidates: (value: T) => Iterable<T>,
  test: (values: readonly T[]) => Promise<readonly (F | undefined)[]>,
  limits: ShrinkLimits,
): Promise<Shrunk<T, F>> {
  const path: number[] = [];
  let { value, finding } = start;
  let executions = 0;
  for (;;) {
    const level = candidates(value)[Symbol.iterator]();
    const taken = await firstFailing(level);
    if (typeof taken === 'string') return { value, finding, path, executions, stopped: taken };
    if (taken === undefined) return { value, finding, path, executions };
    path.push(taken.index);
    ({ value, finding } = taken);
  }

  async function firstFailing(level: Iterator<T>) {
    let index = 0;
    for (let round = 0; ; round++) {
      await turn();
      const stop = reasonToStop();
      if (stop !== undefined) return stop;
      const chunk = take(level, chunkSizes[Math.min(round, chunkSizes.length - 1)]);
      if (chunk.length === 0) return undefined;
      executions += chunk.length;
      const findings = await unlessInterrupted(limits.signal, test(chunk));
      if (findings === undefined) return interrupted;
      const n = findings.findIndex((x) => x !== undefined);
      if (n >= 0) return { index: index + n, value: chunk[n], finding: findings[n] as F };
      index += chunk.length;
    }
  }

  function reasonToStop(): string | undefined {
    if (limits.signal?.aborted) return interrupted;
    if (executions >= limits.executions) return `${executions} smaller cases were tried`;
    return performance.now() > limits.deadline ? 'the time for shrinking was up' : undefined;
  }
}

/** What is waited for; undefined where the run is interrupted and it does not come soon after. */
export async function unlessInterrupted<T>(signal: ShrinkLimits['signal'], wait: Promise<T>): Promise<T | undefined> {
  if (signal === undefined) return wait;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    // Asked again and again: between threads a signal is a number in shared memory.
    timer = setInterval(() => {
      if (!signal.aborted) return;
      clearInterval(timer);
      timer = setTimeout(resolve, graceMs, undefined);
    }, 100);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearInterval(timer);
  }
}

function take<T>(iterator: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = iterator.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}
