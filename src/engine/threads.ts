/** A crew of threads for --jobs: a pool (piscina) whose threads load the backends themselves. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { packageRoot } from '../version';
import type { Crew, Task, TaskResult, Tell } from './task';
import type { Broken, ThreadSetup } from './thread';

/** Milliseconds that threads have to close what they opened. */
const closingMs = 2_000;

export interface Threads extends Crew {
  close(): Promise<void>;
}

/** Opens `size` threads. The backends are named by what `loadBackend` takes, in the run's order. */
export function openThreads(size: number, options: Omit<ThreadSetup, 'stopped' | 'channel'>): Threads {
  const stopped = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const setup: ThreadSetup = { ...options, stopped, channel: `maskproof-${randomUUID()}` };
  const pool = new Piscina<{ setup: ThreadSetup; task: Task }, TaskResult | Broken>({
    filename: join(packageRoot(), 'bin', 'job.js'),
    minThreads: size,
    maxThreads: size,
    // An idle thread that waits on a lock would hear nothing, neither from a worker nor from us.
    atomics: 'disabled',
  });
  return {
    size,
    async perform(task: Task, tell: Tell): Promise<TaskResult> {
      const result = await runIn(pool, { setup, task });
      if (result.type === 'broken') throw new Error(`A thread met an error of ours.\n${result.stack}`);
      if (result.type === 'batches') for (const { cases, calls } of result.outcomes) tell('searching', cases, calls);
      return result;
    },
    stop: () => Atomics.store(stopped, 0, 1),
    close: async () => {
      await closed(setup.channel, pool.threads.length);
      await pool.destroy();
    },
  };
}

/** A thread that ends under its task has been brought down by the backend: our own errors come back as data. */
async function runIn(
  pool: Piscina<{ setup: ThreadSetup; task: Task }, TaskResult | Broken>,
  work: { setup: ThreadSetup; task: Task },
): Promise<TaskResult | Broken> {
  try {
    return await pool.run(work);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The thread that checked ${work.task.property} ended: ${reason}`;
    return { type: 'failed', failure: { stage: 'answer', type: 'ThreadExitedError', message } };
  }
}

/** Resolves once every thread has answered, or time is up: one that a backend holds does not keep the rest. */
function closed(name: string, threads: number): Promise<void> {
  const channel = new BroadcastChannel(name);
  return new Promise((resolve) => {
    let left = threads;
    const done = () => {
      clearTimeout(timer);
      channel.close();
      resolve();
    };
    const timer = setTimeout(done, closingMs);
    channel.onmessage = ({ data }: { data: unknown }) => {
      if (data === 'closed' && --left === 0) done();
    };
    channel.postMessage('close');
    if (left === 0) done();
  });
}
