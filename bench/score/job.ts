/** What a process of the pool does: one job a message, one result a message. */
import { properties } from '../../properties';
import type { Backend } from '../../src/backend';
import { isModelCase, type Case } from '../../reference/model-case';
import { valuesOf } from '../../src/engine/coverage';
import { openReference, type Reference } from '../../src/engine/reference';
import { runProperty } from '../../src/engine/run-property';
import { Subject } from '../../src/engine/subject';
import { casesToFall, firstFind, hasFallen, type Find } from './hunt';
import { implementation } from './implementations';
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

/** Every property on an implementation that is right. */
export interface AlarmsJob {
  readonly type: 'alarms';
  readonly implementation: string;
  readonly seed: number;
  readonly runs: number;
}

export interface Alarms {
  /** Cases that were checked, by dtype. */
  readonly cases: Readonly<Record<string, number>>;
  readonly compared: number;
  readonly alarms: readonly { readonly dtype: string; readonly said: string }[];
}

export type Job = HuntJob | CellsJob | AlarmsJob;

export type ResultOf<J extends Job> = J extends HuntJob
  ? (Find | null)[]
  : J extends CellsJob
    ? Record<string, number>
    : J extends AlarmsJob
      ? Alarms
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
  if (job.type === 'alarms') return alarmsOn(await implementation(job.implementation), reference, job);
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

async function alarmsOn(backend: Backend, reference: Reference, { seed, runs }: AlarmsJob): Promise<Alarms> {
  const cases: Record<string, number> = {};
  const alarms: Alarms['alarms'][number][] = [];
  const subject = new Subject(backend, reference, 60_000);
  for (const property of properties) {
    const outcome = await runProperty(subject, property, { seed, runs, deadline: Infinity, shrinkMs: 10_000 });
    for (const { cell, checked } of outcome.batches?.flatMap((batch) => batch.drawn) ?? []) {
      const dtype = valuesOf(cell)?.dtype;
      if (dtype !== undefined) cases[dtype] = (cases[dtype] ?? 0) + checked;
    }
    if (!hasFallen(outcome)) continue;
    const { counterexample, failure } = outcome;
    alarms.push({
      dtype: describedType(counterexample?.case),
      said: `${backend.name}, ${property.id}, seed ${seed}, path ${counterexample?.path}: ${counterexample?.violation.summary ?? failure?.message}`,
    });
  }
  return { cases, compared: subject.rows.compared, alarms };
}

const describedType = (c: Case | undefined): string => (c === undefined || isModelCase(c) ? '' : c.query.dtype);

process.on('message', (job: Job) => {
  void perform(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
