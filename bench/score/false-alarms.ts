/** A million cases over attention that is right: every law on every implementation, seed after seed. */
import { implementationNames } from './implementations';
import type { Alarms, AlarmsJob } from './job';
import { madeNow, type FalseAlarms } from './measured';
import { runJobs } from './pool';

/** Cases a property, implementation and seed: the first six batches of a run, so that starting costs little and a round, which is saved, takes two minutes. */
const runs = 63;

export interface AlarmsOptions {
  /** Rounds go on until there are as many, or until `until` (Date.now()). */
  readonly cases: number;
  readonly until: number;
  /** The first seed; the ones after it follow. */
  readonly seed: number;
  /** At a time; one a core where absent. */
  readonly processes?: number;
  /** What was counted before, to add to. */
  readonly before?: FalseAlarms;
  /** Has the counts after each round. */
  readonly save: (so: FalseAlarms) => Promise<void>;
}

export async function scoreFalseAlarms(options: AlarmsOptions): Promise<FalseAlarms> {
  const { cases, until, seed, processes, before, save } = options;
  let total: FalseAlarms = before ?? { made: madeNow(), seeds: [], runs, rows: [], compared: 0, alarms: [] };
  for (let next = seed; casesOf(total) < cases && Date.now() < until; next++) {
    if (total.seeds.includes(next)) continue;
    const jobs = implementationNames.map((implementation): AlarmsJob => ({
      type: 'alarms',
      implementation,
      seed: next,
      runs,
    }));
    const found = await runJobs(jobs, { processes });
    total = found.reduce<FalseAlarms>((sum, one, n) => added(sum, jobs[n].implementation, one), {
      ...total,
      made: madeNow(),
      seeds: [...total.seeds, next],
    });
    await save(total);
  }
  return total;
}

/** What alarms there are in one short round. */
export async function alarmsInShort(): Promise<readonly string[]> {
  const jobs = implementationNames.map((implementation): AlarmsJob => ({
    type: 'alarms',
    implementation,
    seed: 1,
    runs: 3,
  }));
  return (await runJobs(jobs)).flatMap(({ alarms }) => alarms.map(({ said }) => said));
}

const casesOf = ({ rows }: FalseAlarms): number => rows.reduce((sum, row) => sum + row.cases, 0);

function added(total: FalseAlarms, implementation: string, { cases, compared, alarms }: Alarms): FalseAlarms {
  const rows = [...total.rows];
  for (const [dtype, count] of Object.entries(cases)) {
    const at = rows.findIndex((row) => row.implementation === implementation && row.dtype === dtype);
    const row = rows[at] ?? { implementation, dtype, cases: 0, alarms: 0 };
    const more = alarms.filter((alarm) => alarm.dtype === dtype).length;
    rows[at < 0 ? rows.length : at] = { ...row, cases: row.cases + count, alarms: row.alarms + more };
  }
  return {
    ...total,
    rows,
    compared: total.compared + compared,
    alarms: [...total.alarms, ...alarms.map(({ said }) => said)],
  };
}
