/** Every property on every backend: cuts the run into tasks, has them done, and tells its listeners in order what came of them. */
import { performance } from 'node:perf_hooks';
import type { Backend } from '../backend';
import { speaksOf, type KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import { drawnIn, summarizeCoverage } from './coverage';
import { reasonToSkip } from './draw';
import type { Budget, Listener, Outcome, Report, RunEvent, Shard } from './events';
import { Halts, joinOutcomes, skipped, withoutBatches } from './join';
import { besideKnown, leavesNothing, type Replayed } from './known';
import { judgeCoverage } from './minima';
import type { Reference } from './reference';
import { batchesOf, nextStretch, type Batch } from './seed';
import { soloCrew } from './solo-crew';
import { Subject } from './subject';
import type { Crew, Task, TaskResult } from './task';

export interface SuiteOptions {
  readonly backends: readonly Backend[];
  readonly properties: readonly Property[];
  /** 0 .. 2^31 - 1 */
  readonly seed: number;
  /** Cases a property; without bound where only `seconds` is given, else 100. */
  readonly runs?: number;
  /** Of the whole run; what is left is shared evenly by the properties still to come. */
  readonly seconds?: number;
  /** For the report. */
  readonly mode?: Budget['mode'];
  /** The part of the run that is done; all of it by default. */
  readonly shard?: Shard;
  readonly reference: Reference;
  readonly knownFailures?: readonly KnownFailureEntry[];
  /** What is known before the run begins, from the corpus: a property that it speaks of is not searched. */
  readonly settled?: readonly Outcome[];
  /** Stops after the first outcome that is neither held, skipped nor known. */
  readonly failFast?: boolean;
  /** Milliseconds that one call of a backend may take; 30,000 by default. */
  readonly timeoutMs?: number;
  /** Milliseconds that shrinking one finding may take. By default 20,000 where `seconds` is given; else 300,000, which the number of tries ends long before, so that the same seed ends in the same case on a slower machine. */
  readonly shrinkMs?: number;
  readonly signal?: AbortSignal;
  readonly listeners?: readonly Listener[];
  /** Who does the work; this thread by default. */
  readonly crew?: Crew;
}

export const defaultRuns = 100;
export const defaultTimeoutMs = 30_000;
/** Milliseconds that a batch has to come to its end once the run is interrupted: a CI kills what it cancels after less than ten seconds. */
const graceMs = 3_000;

/** One property on one backend, on its way to an outcome. */
interface Entry {
  readonly backend: number;
  readonly subject: Subject;
  readonly property: Property;
  /** Why there is nothing to do. */
  readonly reason?: string;
  readonly settled?: Outcome;
  /** The known failures that speak of it. */
  readonly known: readonly KnownFailureEntry[];
  readonly batches: Iterator<Batch, undefined>;
  readonly parts: Outcome[];
  replayed?: Replayed;
  /** When no further batch begins; set with the first task. */
  deadline?: number;
  hasAskedKnown: boolean;
  hasBatches: boolean;
  running: number;
  isExhausted: boolean;
}

/** Never throws for what a backend does; an error that leaves it is a bug of ours. */
export async function runSuite(options: SuiteOptions): Promise<Report> {
  const started = performance.now();
  const { backends, properties, reference } = options;
  const { timeoutMs = defaultTimeoutMs } = options;
  const subjects = backends.map((backend) => new Subject(backend, reference, timeoutMs));
  const run = new Run(options, subjects, started);
  const crew = options.crew ?? soloCrew(backends, properties, reference, timeoutMs, options.signal);
  const stop = () => crew.stop?.();
  options.signal?.addEventListener('abort', stop);
  try {
    run.start();
    await Promise.all(Array.from({ length: crew.size }, () => run.work(crew)));
    return run.finish();
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/** One run: hands out its tasks in order, gathers what comes back, and settles outcomes as soon as all before them are. */
class Run {
  readonly #options: SuiteOptions;
  readonly #subjects: readonly Subject[];
  readonly #started: number;
  readonly #end: number;
  readonly #budget: Budget;
  readonly #entries: readonly Entry[];
  readonly #halts: Halts;
  readonly #outcomes: Outcome[] = [];
  /** The same as listeners have them: what an outcome is made of is for those who join shards. */
  readonly #told: Outcome[] = [];
  /** Resolves some time after the run is interrupted: what is still under way then is left behind. */
  readonly #givenUp: Promise<undefined>;
  /** The entry whose tasks are handed out. */
  #at = 0;
  #hasBegun = false;
  #hasBroken = false;
  #hasFinished = false;

  constructor(options: SuiteOptions, subjects: readonly Subject[], started: number) {
    const { properties, seconds, shard, failFast, knownFailures = [], settled = [] } = options;
    this.#options = options;
    this.#subjects = subjects;
    this.#started = started;
    this.#end = seconds === undefined ? Infinity : started + seconds * 1000;
    this.#halts = new Halts(failFast ?? false);
    this.#givenUp = new Promise((resolve) => {
      const wait = () => setTimeout(resolve, graceMs, undefined).unref();
      if (options.signal?.aborted) wait();
      else options.signal?.addEventListener('abort', wait, { once: true });
    });
    const runs = options.runs ?? (seconds === undefined ? defaultRuns : undefined);
    this.#budget = {
      ...(runs !== undefined && { runs }),
      ...(seconds !== undefined && { seconds }),
      ...(failFast && { failFast }),
      ...(options.mode && { mode: options.mode }),
    };
    this.#entries = subjects.flatMap((subject, backend) =>
      properties.map((property): Entry => {
        const reason = reasonToSkip(property, subject.supports);
        const known =
          reason === undefined ? knownFailures.filter((entry) => speaksOf(entry, property.id, subject.backend)) : [];
        const batches = batchesOf(runs ?? Infinity, shard);
        return {
          backend,
          subject,
          property,
          reason,
          settled: settled.find((one) => one.property === property.id && one.backend === subject.backend.name),
          known,
          batches,
          parts: [],
          hasAskedKnown: false,
          hasBatches: false,
          running: 0,
          isExhausted: false,
        };
      }),
    );
  }

  start(): void {
    const { seed, reference, properties, shard } = this.#options;
    const backends = this.#subjects.map(({ info }) => info);
    this.#emit({
      type: 'run_started',
      seed,
      reference: reference.info,
      backends,
      properties: properties.length,
      budget: this.#budget,
      ...(shard && { shard }),
    });
  }

  /** Does task after task until there is none. */
  async work(crew: Crew): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [entry, task] = next;
      const name = { backend: entry.subject.backend.name, property: entry.property.id };
      const { cases, calls } = totals(entry);
      entry.running++;
      try {
        const result = await Promise.race([
          crew.perform(task, (stage, more, sent) => {
            if (!this.#hasFinished)
              this.#emit({ type: 'progress', ...name, stage, cases: cases + more, calls: calls + sent });
          }),
          this.#givenUp,
        ]);
        if (result !== undefined) this.#take(entry, task, result);
      } catch (error) {
        this.#hasBroken = true;
        throw error;
      }
      entry.running--;
      this.#settle();
    }
  }

  finish(): Report {
    const { seed, shard, reference, signal, properties } = this.#options;
    const backends = this.#subjects.map(({ info }) => info);
    const interrupted = signal?.aborted ?? false;
    const report: Report = {
      seed,
      budget: this.#budget,
      ...(shard && { shard }),
      reference: reference.info,
      backends,
      outcomes: this.#told,
      ...summarizeCoverage(drawnIn(this.#outcomes)),
      ...judgeCoverage(shard || interrupted ? [] : this.#outcomes, backends, properties),
      interrupted,
      seconds: (performance.now() - this.#started) / 1000,
    };
    this.#hasFinished = true;
    this.#emit({ type: 'run_finished', report });
    return report;
  }

  #next(): [Entry, Task] | undefined {
    for (; this.#at < this.#entries.length && !this.#hasBroken; this.#at++, this.#hasBegun = false) {
      const entry = this.#entries[this.#at];
      if (!this.#hasBegun) this.#begin(entry);
      const task = this.#taskOf(entry);
      if (task !== undefined) return [entry, task];
      entry.isExhausted = true;
      this.#settle();
    }
    return undefined;
  }

  #begin(entry: Entry): void {
    this.#hasBegun = true;
    const total = this.#entries.length;
    const now = performance.now();
    entry.deadline = now + (this.#end - now) / (total - this.#at);
    this.#emit({
      type: 'outcome_started',
      backend: entry.subject.backend.name,
      property: entry.property.id,
      index: this.#at,
      total,
    });
  }

  #taskOf(entry: Entry): Task | undefined {
    const { seed, signal, seconds, shrinkMs = seconds === undefined ? 300_000 : 20_000 } = this.#options;
    const { backend, property, known, replayed, parts, deadline = Infinity } = entry;
    const asTask = (work: Task['work']): Task => ({ backend, property: property.id, entries: known, work });
    if (
      entry.reason !== undefined ||
      entry.settled !== undefined ||
      signal?.aborted ||
      this.#halts.reason(entry.subject.backend.name) !== undefined
    )
      return undefined;
    if (!entry.hasAskedKnown && known.some((one) => one.case !== undefined)) {
      entry.hasAskedKnown = true;
      return asTask({ type: 'known' });
    }
    if (leavesNothing(known) || replayed?.fixed !== undefined || parts.some(hasEnded)) return undefined;
    const msLeft = deadline - performance.now();
    if (msLeft <= 0 && entry.hasBatches) return undefined;
    const batches = nextStretch(entry.batches);
    if (batches.length === 0) return undefined;
    const isFirst = !entry.hasBatches;
    entry.hasBatches = true;
    return asTask({ type: 'batches', seed, batches, isFirst, msLeft, shrinkMs });
  }

  #take(entry: Entry, { work }: Task, result: TaskResult): void {
    if (result.type === 'known') entry.replayed = result.replayed;
    else if (result.type === 'batches') entry.parts.push(...result.outcomes);
    else {
      const nothing = skipped(nameOf(entry), '');
      const batch = work.type === 'batches' ? work.batches[0].batch : 0;
      const tally = { batch, cases: 0, calls: 0, rows: nothing.rows, drawn: [], ended: true as const };
      entry.parts.push({ ...nothing, reason: undefined, status: 'failed', failure: result.failure, batches: [tally] });
    }
  }

  /** Outcomes come in the order of the list, whoever is done first. */
  #settle(): void {
    for (
      let next = this.#entries[this.#outcomes.length];
      next?.isExhausted && next.running === 0;
      next = this.#entries[this.#outcomes.length]
    ) {
      const outcome = this.#halts.take(this.#outcomeOf(next));
      const told = this.#options.shard ? outcome : withoutBatches(outcome);
      this.#outcomes.push(outcome);
      this.#told.push(told);
      this.#emit({ type: 'outcome', outcome: told });
    }
  }

  #outcomeOf(entry: Entry): Outcome {
    const { subject, reason, settled, known, replayed, parts } = entry;
    const { signal, shard } = this.#options;
    const nothing = (why: string) => skipped(nameOf(entry), why);
    const halt = this.#halts.reason(subject.backend.name);
    if (halt !== undefined) return nothing(halt);
    if (reason !== undefined) return nothing(reason);
    if (settled !== undefined) return settled;
    if (replayed !== undefined && leavesNothing(known))
      return (
        replayed.fixed ?? replayed.failing[0] ?? nothing('the cases of its known failures mean nothing to it here')
      );
    if (parts.length === 0 && signal?.aborted) return nothing('the run was interrupted');
    const found: Outcome =
      parts.length > 0
        ? { ...joinOutcomes(parts), ...(replayed && { narrowed: true }) }
        : { ...nothing(`none of its batches is in shard ${shard?.index} of ${shard?.count}`), batches: [] };
    return replayed === undefined ? found : besideKnown(found, replayed);
  }

  #emit(event: RunEvent): void {
    this.#options.listeners?.forEach((listener) => listener(event));
  }
}

const hasEnded = ({ batches = [] }: Outcome): boolean => batches.some(({ ended }) => ended);

const nameOf = ({ subject, property: { id, statement } }: Entry) => ({
  property: id,
  statement,
  backend: subject.backend.name,
});

function totals({ parts }: Entry): { cases: number; calls: number } {
  return {
    cases: parts.reduce((sum, part) => sum + part.cases, 0),
    calls: parts.reduce((sum, part) => sum + part.calls, 0),
  };
}
