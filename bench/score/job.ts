/** What a process of the pool does: one job a message, one result a message. */
import { properties } from '../../properties';
import { openReference } from '../../src/engine/reference';
import { casesToFall, firstFind, type Find } from './hunt';
import { backendNamed, equivalents } from './zoo';

/** Hunts one mutant under several seeds. */
export interface HuntJob {
  readonly type: 'hunt';
  readonly mutant: string;
  readonly seeds: readonly number[];
  /** Cases a property at the most. */
  readonly runs: number;
}

/** Which properties fall on one backend, and after how many cases. */
export interface CellsJob {
  readonly type: 'cells';
  readonly backend: string;
  readonly seeds: readonly number[];
  readonly runs: number;
  /** All where absent. */
  readonly properties?: readonly string[];
}

export type Job = HuntJob | CellsJob;

export type ResultOf<J extends Job> = J extends HuntJob
  ? (Find | null)[]
  : J extends CellsJob
    ? Record<string, number>
    : never;

/** Cases a property with which a process is warmed before its clock counts. */
const warmUp = 15;

let warm: Promise<void> | undefined;

async function perform(job: Job): Promise<ResultOf<Job>> {
  const reference = await openReference('oracle');
  if (job.type === 'hunt') {
    await (warm ??= firstFind(equivalents[0].backend, reference, 0, warmUp).then(() => undefined));
    const finds: (Find | null)[] = [];
    for (const seed of job.seeds)
      finds.push((await firstFind(backendNamed(job.mutant), reference, seed, job.runs)) ?? null);
    return finds;
  }
  const fallen: Record<string, number> = {};
  for (const property of properties) {
    if (job.properties && !job.properties.includes(property.id)) continue;
    for (const seed of job.seeds) {
      const cases = await casesToFall(backendNamed(job.backend), property, reference, { seed, runs: job.runs });
      if (cases === undefined) continue;
      fallen[property.id] = cases;
      break;
    }
  }
  return fallen;
}

process.on('message', (job: Job) => {
  void perform(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
