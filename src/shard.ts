/** Which part of a run this process does, where several share it: told by the user, or by the CI that started it. */
import { createHash } from 'node:crypto';
import type { Shard } from './engine/events';
import { maxSeed } from './engine/seed';
import { UsageError } from './errors';

type Env = Readonly<Record<string, string | undefined>>;

const MAX_SHARDS = 100_000;

/** 'i/n', with i from 1 to n; undefined for 'none'. */
export function parseShard(text: string, option = '--shard'): Shard | undefined {
  if (text === 'none') return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (!(shard.index >= 1 && shard.index <= shard.count && shard.count <= MAX_SHARDS))
    throw new UsageError('out_of_range', {
      what: `${option} ${JSON.stringify(text)} is no shard.`,
      mend: `Write it as I/N with I from 1 to N and N at most ${MAX_SHARDS}, such as ${option} 2/5; none is the whole run.`,
    });
  return shard;
}

/** One way of numbering the jobs of a matrix. */
interface Matrix {
  readonly index: string;
  readonly count: string;
  /** The number of the first job; or the variable that holds it. */
  readonly first: number | string;
  /** The variable that holds the distance of two numbers. */
  readonly step?: string;
}

const matrices: readonly Matrix[] = [
  { index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', first: 1 },
  { index: 'CIRCLE_NODE_INDEX', count: 'CIRCLE_NODE_TOTAL', first: 0 },
  { index: 'BUILDKITE_PARALLEL_JOB', count: 'BUILDKITE_PARALLEL_JOB_COUNT', first: 0 },
  { index: 'SYSTEM_JOBPOSITIONINPHASE', count: 'SYSTEM_TOTALJOBSINPHASE', first: 1 },
  { index: 'JOB_COMPLETION_INDEX', count: 'JOB_COMPLETIONS', first: 0 },
  {
    index: 'SLURM_ARRAY_TASK_ID',
    count: 'SLURM_ARRAY_TASK_COUNT',
    first: 'SLURM_ARRAY_TASK_MIN',
    step: 'SLURM_ARRAY_TASK_STEP',
  },
];

export interface DetectedShard {
  readonly shard: Shard;
  /** The variable that told it. */
  readonly from: string;
}

/** The shard that the environment tells of: MASKPROOF_SHARD=I/N, the matrix of a CI, an indexed Job of Kubernetes, an array of Slurm. */
export function detectShard(env: Env): DetectedShard | undefined {
  const { MASKPROOF_SHARD: own } = env;
  if (own) {
    const shard = parseShard(own, 'MASKPROOF_SHARD');
    return shard && { shard, from: 'MASKPROOF_SHARD' };
  }
  for (const { index, count, first, step } of matrices) {
    if (!env[index]) continue;
    const total = env[count];
    // A matrix of one is no matter of shards, nor is an index without a total: `unnumbered` tells of that.
    if (!total || total === '1') continue;
    const from = typeof first === 'number' ? first : numberIn(env, first);
    const at = (numberIn(env, index) - from) / (step !== undefined && env[step] ? numberIn(env, step) : 1) + 1;
    const shard = { index: at, count: Number(total) };
    if (!(Number.isInteger(at) && at >= 1 && at <= shard.count && shard.count <= MAX_SHARDS))
      throw new UsageError('out_of_range', {
        what: `${index}=${env[index]} of ${total} is no shard: the first is ${from}.`,
        facts: [index, count, ...(typeof first === 'string' ? [first] : [])].flatMap((name) =>
          env[name] ? [`${name}=${env[name]}`] : [],
        ),
        mend: 'Give --shard I/N, or --shard none for the whole run.',
      });
    return { shard, from: index };
  }
  return undefined;
}

/** A job that knows its number and not how many there are, as a sentence: it does the whole run, and its brothers do too. */
export function unnumbered(env: Env): string | undefined {
  const matrix = matrices.find(({ index, count }) => env[index] && !env[count]);
  return (
    matrix &&
    `${matrix.index}=${env[matrix.index]} tells no shard without ${matrix.count}: this job does the whole run. Set ${matrix.count}, or --shard none.`
  );
}

function numberIn(env: Env, name: string): number {
  return /^\d+$/.test(env[name] ?? '') ? Number(env[name]) : NaN;
}

/** What all jobs of one run of a CI share, and no two runs. */
const runIds: readonly (readonly string[])[] = [
  ['GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT'],
  ['CI_PIPELINE_ID'],
  ['CIRCLE_WORKFLOW_ID'],
  ['BUILDKITE_BUILD_ID'],
  ['BUILD_BUILDID'],
  ['SLURM_ARRAY_JOB_ID'],
  ['BUILD_TAG'],
];

/** A seed that is new in every run of the CI and the same in all of its jobs; undefined where nothing tells which run it is. */
export function seedOfRun(env: Env): number | undefined {
  const names = runIds.find(([name]) => env[name]);
  if (names === undefined) return undefined;
  const id = names.map((name) => `${name}=${env[name] ?? ''}`).join(' ');
  return createHash('sha256').update(id).digest().readUInt32BE(0) & maxSeed;
}
