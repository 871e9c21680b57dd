/** Every property on every backend: the only loop there is. It tells its listeners what happens, and returns the whole of it. */
import { performance } from 'node:perf_hooks';
import type { Backend } from '../backend';
import type { KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import { Coverage } from './coverage';
import type { BackendInfo, Listener, Outcome, Report, RunEvent } from './events';
import { runKnown } from './known';
import type { Reference } from './reference';
import { runProperty, type PropertyOptions } from './run-property';
import { Subject } from './subject';

export interface SuiteOptions {
  readonly backends: readonly Backend[];
  readonly properties: readonly Property[];
  /** 0 .. 2^31 - 1 */
  readonly seed: number;
  /** Cases a property; without bound where only `seconds` is given, else 100. */
  readonly runs?: number;
  /** Of the whole run; what is left is shared evenly by the properties still to come. */
  readonly seconds?: number;
  readonly reference: Reference;
  readonly knownFailures?: readonly KnownFailureEntry[];
  /** Stops after the first outcome that is neither held, skipped nor known. */
  readonly failFast?: boolean;
  /** Milliseconds that one call of a backend may take; 10,000 by default. */
  readonly timeoutMs?: number;
  /** Milliseconds that shrinking one finding may take; 20,000 by default. */
  readonly shrinkMs?: number;
  readonly signal?: AbortSignal;
  readonly listeners?: readonly Listener[];
}

export const defaultRuns = 100;
export const defaultTimeoutMs = 10_000;
const defaultShrinkMs = 20_000;

/** Never throws for what a backend does; an error that leaves it is a bug of ours. */
export async function runSuite(options: SuiteOptions): Promise<Report> {
  const { backends, properties, seed, seconds, signal, reference } = options;
  const started = performance.now();
  const runs = options.runs ?? (seconds === undefined ? defaultRuns : Infinity);
  const end = seconds === undefined ? Infinity : started + seconds * 1000;
  const emit = (event: RunEvent) => options.listeners?.forEach((listener) => listener(event));
  const subjects = backends.map((backend) => new Subject(backend, reference, options.timeoutMs ?? defaultTimeoutMs));
  const infos: BackendInfo[] = subjects.map((subject) => subject.info);
  emit({ type: 'run_started', seed, reference: reference.info, backends: infos, properties: properties.length, budget: { runs: options.runs ?? (seconds === undefined ? defaultRuns : undefined), seconds } });

  const coverage = new Coverage();
  const outcomes: Outcome[] = [];
  const total = subjects.length * properties.length;
  for (const subject of subjects) {
    let dead: string | undefined;
    for (const property of properties) {
      const index = outcomes.length;
      emit({ type: 'outcome_started', backend: subject.backend.name, property: property.id, index, total });
      const deadline = performance.now() + (end - performance.now()) / (total - index);
      const limits: PropertyOptions = { seed, runs, deadline, shrinkMs: options.shrinkMs ?? defaultShrinkMs, signal, coverage, emit };
      const halt = signal?.aborted ? 'the run was interrupted' : stopped(outcomes, options.failFast) ? 'an earlier property failed, and --fail-fast was given' : dead;
      const outcome = halt === undefined ? await runKnown(subject, property, options.knownFailures ?? [], limits, runProperty) : skipped(subject, property, halt);
      // One finding and not one a property: a backend that does not open is not asked again.
      if (outcome.failure?.stage === 'open') dead = `${subject.backend.name} could not be opened`;
      outcomes.push(outcome);
      emit({ type: 'outcome', outcome });
    }
  }
  const report: Report = { seed, reference: reference.info, backends: infos, outcomes, coverage: coverage.cells, interrupted: signal?.aborted ?? false, seconds: (performance.now() - started) / 1000 };
  emit({ type: 'run_finished', report });
  return report;
}

const stopped = (outcomes: readonly Outcome[], failFast = false): boolean =>
  failFast && outcomes.some(({ status, known, fixed }) => fixed !== undefined || (status !== 'held' && status !== 'skipped' && known === undefined));

function skipped(subject: Subject, property: Property, reason: string): Outcome {
  const rows = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
  return { property: property.id, statement: property.statement, backend: subject.backend.name, status: 'skipped', reason, cases: 0, calls: 0, seconds: 0, rows };
}
