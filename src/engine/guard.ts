import { Script } from 'node:vm';

/** Thrown where a backend did not come back in time. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  readonly timeoutMs: number;
  constructor(timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

let guarded: () => unknown = () => undefined;
const slot = Symbol.for('maskproof.guarded');
Object.defineProperty(globalThis, slot, { value: () => guarded(), configurable: true });
const script = new Script(`globalThis[Symbol.for('maskproof.guarded')]()`, { filename: 'maskproof-guard.js' });

/**
 * Runs `use` and waits for what it returns, `timeoutMs` milliseconds at most.
 * A loop in JavaScript that never returns is interrupted too (node:vm does that for whatever runs below it); native code is not.
 * Throws TimeLimitError, or whatever `use` throws.
 */
export async function within<T>(timeoutMs: number, use: () => T | Promise<T>): Promise<T> {
  return awaitWithin(timeoutMs, interruptible(timeoutMs, use));
}

function interruptible<T>(timeoutMs: number, use: () => T): T {
  const outer = guarded;
  guarded = use;
  try {
    return script.runInThisContext({ timeout: timeoutMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeLimitError(timeoutMs);
    throw error;
  } finally {
    guarded = outer;
  }
}

/** Waits for a result that is on its way. Throws TimeLimitError, or whatever it is rejected with. */
export async function awaitWithin<T>(timeoutMs: number, result: T | Promise<T>): Promise<T> {
  if (typeof (result as PromiseLike<T> | undefined)?.then !== 'function') return result;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}
