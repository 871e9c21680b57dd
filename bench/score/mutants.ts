/** Every mutant hunted under many seeds, the matrix of what kills what, and the equivalents that nothing may flag. */
import { properties } from '../../properties';
import type { Find } from './hunt';
import type { CellsJob, HuntJob } from './job';
import { madeNow, type Mutants } from './measured';
import { runJobs } from './pool';
import { equivalents, zoo } from './zoo';

/** What the suite promises: found within so many cases a property, under every seed. */
const runs = 1000;
/** Of a cell of the matrix. */
const matrixRuns = 50;
/** Of an equivalent. */
const equivalentRuns = 150;
/** A cell that was killed within so many cases is killed again within `againRuns`, whatever the generators have become since. */
const surely = 15;
const againRuns = 255;

const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

const jobs = (names: readonly string[], seeds: number): HuntJob[] =>
  names.map((mutant) => ({ type: 'hunt', mutant, seeds: seedsOf(seeds), runs }));

const cells = (names: readonly string[], cases: number): CellsJob[] =>
  names.map((backend) => ({ type: 'cells', backend, seeds: [1], runs: cases }));

/** Measures the mutants that are named, or all and the equivalents; the others stay as they were. */
export async function scoreMutants(
  tell: (line: string) => void,
  only?: readonly string[],
  before?: Mutants,
): Promise<Mutants> {
  const measured = zoo.filter(({ name }) => only?.includes(name) ?? true);
  const names = measured.map(({ name }) => name);
  const seeds = 20;
  const finds = await runJobs(jobs(names, seeds), {
    tell: ({ mutant }, found) => tell(`${mutant}: ${found.filter((find) => find !== null).length} of ${seeds} seeds`),
  });
  const matrix = await runJobs(cells(names, matrixRuns), {
    tell: ({ backend }, killed) => tell(`${backend}: ${Object.keys(killed).length} properties`),
  });
  const now = measured.map(({ name, mistake, link }, n) => ({
    name,
    mistake,
    ...(link && { link }),
    seeds,
    ...summaryOf(finds[n].filter((find) => find !== null)),
    killedBy: matrix[n],
  }));
  const stay = before?.mutants ?? [];
  return {
    made: only && before ? before.made : madeNow(),
    runs,
    matrixRuns,
    equivalentRuns,
    mutants: zoo.flatMap(({ name }) => [...now, ...stay].find((mutant) => mutant.name === name) ?? []),
    equivalents: only && before ? before.equivalents : await scoreEquivalents(tell),
  };
}

async function scoreEquivalents(tell: (line: string) => void): Promise<Mutants['equivalents']> {
  const names = equivalents.map(({ name }) => name);
  const flagged = await runJobs(cells(names, equivalentRuns), {
    tell: ({ backend }, by) => tell(`${backend}: flagged by ${Object.keys(by).length}`),
  });
  return names.map((name, n) => ({ name, flaggedBy: Object.keys(flagged[n]) }));
}

function summaryOf(finds: readonly Find[]) {
  const first: Record<string, number> = {};
  for (const { property } of finds) first[property] = (first[property] ?? 0) + 1;
  return {
    fell: finds.length,
    cases: finds.map(({ cases: n }) => n),
    ms: finds.map(({ ms }) => Math.round(ms)),
    shrunkMs: finds.map(({ shrunkMs }) => Math.round(shrunkMs)),
    calls: finds.map(({ shrinkCalls }) => shrinkCalls),
    cells: finds.map((find) => find.cells),
    first,
  };
}

/** What has become worse since the score was written; with two seeds and the cells that were killed soon. */
export async function mutantsDropped(before: Mutants): Promise<string[]> {
  const dropped: string[] = [];
  const known = new Map(before.mutants.map((mutant) => [mutant.name, mutant]));
  for (const { name } of zoo)
    if (!known.has(name)) dropped.push(`${name} is not in docs/score.json: npm run score -- --mutants ${name}`);
  const ids = properties.map(({ id }) => id);
  const again = zoo.flatMap(({ name }): CellsJob[] => {
    const soon = Object.entries(known.get(name)?.killedBy ?? {}).filter(([, cases]) => cases <= surely);
    const kept = soon.map(([id]) => id).filter((id) => ids.includes(id));
    return kept.length === 0
      ? []
      : [{ type: 'cells', backend: name, seeds: [1, 2, 3], runs: againRuns, properties: kept }];
  });
  await runJobs(again, {
    tell: ({ backend, properties: due = [] }, killed) => {
      for (const id of due) if (!(id in killed)) dropped.push(`${backend} is no longer killed by ${id}`);
    },
  });
  await runJobs(
    jobs(
      zoo.map(({ name }) => name),
      2,
    ),
    {
      tell: ({ mutant }, found) => {
        const missed = found.filter((find) => find === null).length;
        if (missed > 0) dropped.push(`${mutant} survives under ${missed} of 2 seeds`);
      },
    },
  );
  return dropped;
}
