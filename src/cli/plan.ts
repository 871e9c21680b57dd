/** What a run is to do: its seed, budget and shard, from the options, the mode and the CI that it runs in. */
import { randomInt } from 'node:crypto';
import type { Budget, Shard } from '../engine/events';
import { defaultRuns } from '../engine/run-suite';
import { maxSeed } from '../engine/seed';
import { UsageError } from '../errors';
import { detectShard, parseShard, seedOfRun, unnumbered } from '../shard';
import type { Io } from './io';

export type Mode = NonNullable<Budget['mode']>;

export interface PlanOptions {
  readonly runs?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly shard?: string;
  readonly mode?: Mode;
}

export interface Plan {
  readonly seed: number;
  readonly runs?: number;
  readonly seconds?: number;
  readonly shard?: Shard;
  readonly mode?: Mode;
  /** Lines to print before the run. */
  readonly notes: readonly string[];
}

/** The seed of a pull request: the same for every change, so that only the change can make a difference. */
const prSeed = 1;
/** Cases a property at night. */
const nightlyRuns = 1_000;
/** Cases a property where every built-in backend is checked: some of them are slow, and a first run is to take less than a minute. */
const builtinRuns = 40;

export function planOf(options: PlanOptions, areBackendsNamed: boolean, { env }: Pick<Io, 'env'>): Plan {
  const { seconds, mode } = options;
  const told = options.shard === undefined ? detectShard(env) : undefined;
  const shard = options.shard === undefined ? told?.shard : parseShard(options.shard);
  const alone = options.shard === undefined && shard === undefined ? unnumbered(env) : undefined;
  const usual = mode === 'nightly' ? nightlyRuns : areBackendsNamed ? defaultRuns : builtinRuns;
  const runs = options.runs ?? (seconds === undefined ? usual : undefined);
  const seed = options.seed ?? (mode === 'pr' ? prSeed : freshSeed(shard, env));
  return {
    seed,
    ...(runs !== undefined && { runs }),
    ...(seconds !== undefined && { seconds }),
    ...(shard && { shard }),
    ...(mode && { mode }),
    notes: [
      ...(mode === 'nightly' ? [`Seed ${seed}: --seed ${seed} repeats this night.`] : []),
      ...(shard
        ? [
            `Shard ${shard.index} of ${shard.count}${told ? `, as ${told.from} says` : ''}; maskproof merge joins the reports.`,
          ]
        : []),
      ...(alone === undefined ? [] : [alone]),
    ],
  };
}

/** Shards have to agree on it without speaking to each other. */
function freshSeed(shard: Shard | undefined, env: Io['env']): number {
  if (shard === undefined) return randomInt(maxSeed + 1);
  const shared = seedOfRun(env);
  if (shared === undefined)
    throw new UsageError('shard_without_seed', {
      what: `Shard ${shard.index} of ${shard.count} needs a seed that all shards share.`,
      mend: 'Give all of them the same --seed, or --mode pr.',
    });
  return shared;
}
