/** Work done by processes of their own, so that each has a CPU clock of its own. */
import { fork, type ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Job, ResultOf } from './job';

export interface PoolOptions<J extends Job> {
  /** Processes; one a core by default, and at most two. */
  readonly processes?: number;
  /** Called as results come, in any order. */
  readonly tell?: (job: J, result: ResultOf<J>) => void;
}

/** The results of all jobs, in the jobs' order. A process that ends before it answers is an error of ours. */
export async function runJobs<J extends Job>(
  jobs: readonly J[],
  { processes = Math.min(2, cpus().length), tell }: PoolOptions<J> = {},
): Promise<ResultOf<J>[]> {
  const results: ResultOf<J>[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const child = fork(join(__dirname, 'job.ts'), { execArgv: ['-r', 'ts-node/register/transpile-only'] });
    try {
      for (let n = next++; n < jobs.length; n = next++) {
        results[n] = await answerOf(child, jobs[n]);
        tell?.(jobs[n], results[n]);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, work));
  return results;
}

function answerOf<J extends Job>(child: ChildProcess, job: J): Promise<ResultOf<J>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => {
      reject(new Error(`The process that did ${JSON.stringify(job).slice(0, 200)} ended with code ${code}.`));
    };
    child.once('exit', ended);
    child.once('message', (result) => {
      child.off('exit', ended);
      resolve(result as ResultOf<J>);
    });
    child.send(job);
  });
}
