/** maskproof fuzz: every property on every backend. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { properties } from '../../properties/index';
import type { Backend } from '../backend';
import { closeWorkers } from '../backends/worker';
import { replayFirst, replayedLines, settledBy } from '../corpus/replay-first';
import { counterexampleId, saveCounterexample } from '../corpus/save';
import type { SavedCounterexample } from '../corpus/load';
import type { BackendInfo, Listener, Outcome, Report } from '../engine/events';
import { openReference } from '../engine/reference';
import { defaultTimeoutMs, runSuite } from '../engine/run-suite';
import { Subject } from '../engine/subject';
import { openThreads, type Threads } from '../engine/threads';
import { UsageError } from '../errors';
import { loadKnownFailures, shippedKnownFailures } from '../known-failures';
import type { Property } from '../property';
import { withoutCommands } from '../report/github';
import { cellsInQuestion } from '../report/json';
import { escapeControls } from '../report/style';
import { textReporter } from '../report/text';
import { resolveSupports } from '../supports';
import { mismatched, unmet } from '../unmatched-failures';
import { loadBackends, loadBuiltins, type Loaded, type Unloaded } from './backends';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';
import { isGithub, reportFiles, writeReports, type ReportFiles } from './reports';
import { planOf, type PlanOptions } from './plan';
import { selectProperties } from './select-properties';
import { interruptible } from './signals';

export interface FuzzOptions extends ReportFiles, PlanOptions {
  /** None: every built-in one that loads. */
  readonly backend: readonly string[];
  /** None: all of them. */
  readonly property: readonly string[];
  /** A configuration file, or 'none'; by default the maskproof.config.ts of the working directory. */
  readonly config?: string;
  /** Threads; 1 by default. */
  readonly jobs?: number;
  readonly reference: string;
  readonly failFast?: boolean;
  readonly knownFailures?: string;
  readonly corpus?: string;
  readonly ascii?: boolean;
  readonly check: boolean;
  /** Seconds that one call may take. */
  readonly timeout?: number;
}

export async function fuzz(options: FuzzOptions, io: Io): Promise<number> {
  const chosen = selectProperties(options.property, properties);
  const ownKnownFailures = options.knownFailures === undefined ? [] : loadKnownFailures(options.knownFailures);
  const knownFailures = [...ownKnownFailures, ...shippedKnownFailures()];
  if (options.corpus !== undefined) makeFolder(options.corpus);
  reportFiles(options).forEach(({ flag, file }) => refuseUnwritable(file, flag));

  const asked = options.backend.length > 0;
  const { notes, ...plan } = planOf(options, asked, io);
  const { loaded, unloaded } = asked ? await loadBackends(options.backend, options.check) : await loadBuiltins();
  const leftOut = asked ? [] : unloaded.map(({ spec, error }) => ({ name: spec, reason: firstLine(error.message) }));
  const refused = asked ? unloadedPart(unloaded, chosen) : { backends: [], outcomes: [] };
  const reference = await openReference(options.reference);
  const told = options.json === '-' ? io.err : io.out;
  const write = isGithub(io) ? (text: string) => told(withoutCommands(text)) : told;
  const saved = new Map<Outcome, SavedCounterexample>();
  /** What could not be kept, on a full disk for one: told once the reports are written. */
  const lost: unknown[] = [];
  const replayedFrom = new Map<Outcome, string>();
  const { corpus } = options;
  const keep: Listener = (event) => {
    if (corpus === undefined || event.type !== 'outcome' || replayedFrom.has(event.outcome)) return;
    const from = loaded.find(({ backend }) => backend.name === event.outcome.backend);
    const found = from && worthKeeping(event.outcome, from.backend);
    if (found === undefined) return;
    try {
      saveCounterexample(corpus, found);
      saved.set(event.outcome, found);
    } catch (error) {
      lost.push(error);
    }
  };
  const fileOf = (outcome: Outcome) => {
    const replayed = replayedFrom.get(outcome);
    if (replayed !== undefined) return replayed;
    const found = saved.get(outcome);
    return found === undefined || corpus === undefined ? undefined : join(corpus, `${counterexampleId(found)}.json`);
  };
  const text = textReporter({
    style: styleFor(io, options.ascii ?? false),
    write,
    terminal: io.columns === undefined || options.json === '-' ? undefined : { columns: io.columns },
    fileOf,
    leftOut,
  });
  notes.forEach((note) => write(`${note}\n`));
  const known = {
    ids: properties.map(({ id }) => id),
    backends: loaded.map(({ backend: { name, versions = {} } }) => ({ name, versions })),
  };
  const tellKnown = (lines: readonly string[]) =>
    lines.forEach((line) => write(`${escapeControls(`${options.knownFailures}: ${line}`)}\n`));
  tellKnown(mismatched(ownKnownFailures, known));
  const timeoutMs = options.timeout === undefined ? defaultTimeoutMs : options.timeout * 1000;
  const crew = threadsFor(options, loaded, timeoutMs, reference.info.name);
  try {
    let isUnreadable = false;
    /** What the corpus holds, checked before anything is drawn. */
    const replay = async (signal: AbortSignal): Promise<readonly Outcome[]> => {
      if (corpus === undefined) return [];
      const subjects = loaded.map(({ backend }) => new Subject(backend, reference, timeoutMs));
      const files = await replayFirst(corpus, { subjects, chosen, properties, knownFailures, signal });
      replayedLines(corpus, files).forEach((line) => write(`${escapeControls(line)}\n`));
      isUnreadable = files.some(({ status }) => status === 'unreadable');
      files.forEach(({ file, outcome }) => outcome && replayedFrom.set(outcome, file));
      return settledBy(files);
    };
    return await interruptible(io.err, async (signal) => {
      const report = await runSuite({
        ...plan,
        backends: loaded.map(({ backend }) => backend),
        properties: chosen,
        reference,
        knownFailures,
        settled: await replay(signal),
        failFast: options.failFast,
        timeoutMs,
        signal,
        listeners: [keep, alsoTelling(text, refused)],
        ...(crew && { crew }),
      });
      const whole = joined(report, refused);
      tellKnown(unmet(ownKnownFailures, known, whole.outcomes));
      writeReports(options, whole, { leftOut, fileOf }, io);
      if (lost.length > 0) throw lost[0];
      if (hasNoCases(whole)) write('This shard has no cases: all of them are in the others.\n');
      return isUnreadable && !whole.interrupted ? exitCode({ usage: true }) : codeOf(whole);
    });
  } finally {
    await crew?.close();
    await reference.close();
  }
}

/** Threads where several jobs are asked for: each loads the backends and the reference that was chosen for itself, so those here are only for their names. */
function threadsFor(
  { jobs = 1 }: FuzzOptions,
  loaded: readonly Loaded[],
  timeoutMs: number,
  reference: string,
): Threads | undefined {
  if (jobs === 1) return undefined;
  closeWorkers();
  // What is wrong with an adapter's types has been told already.
  return openThreads(jobs, { specs: loaded.map(({ spec }) => spec), load: { check: false }, reference, timeoutMs });
}

const hasNoCases = ({ shard, outcomes }: Report): boolean =>
  shard !== undefined && outcomes.every(({ cases, status }) => cases === 0 && status !== 'failed');

/** What a run makes of the exit status. A shard is not judged for what it leaves to the others, nor is a change for what it mends. */
export function codeOf({ outcomes, interrupted, shard, starved, budget }: Report): number {
  const isNews = ({ fixed }: Outcome) => fixed !== undefined && budget.mode !== 'pr';
  return exitCode({
    interrupted,
    failed: outcomes.some(({ status, known }) => status === 'failed' && known === undefined),
    violated: outcomes.some(
      (outcome) => isNews(outcome) || (outcome.status === 'violated' && outcome.known === undefined),
    ),
    checked: shard !== undefined || (outcomes.some(({ status }) => status !== 'skipped') && starved.length === 0),
  });
}

interface Part {
  readonly backends: readonly BackendInfo[];
  readonly outcomes: readonly Outcome[];
}

/** Backends that were asked for and did not load, as outcomes: the first property tells why, the others are skipped. */
function unloadedPart(unloaded: readonly Unloaded[], chosen: readonly Property[]): Part {
  return {
    backends: unloaded.map(({ spec }) => ({ name: spec, spec, versions: {}, supports: resolveSupports({}) })),
    outcomes: unloaded.flatMap(({ spec, error }) =>
      chosen.map(({ id, statement }, n): Outcome => ({
        property: id,
        statement,
        backend: spec,
        cases: 0,
        calls: 0,
        seconds: 0,
        rows: { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 },
        ...(n === 0
          ? { status: 'failed', failure: { stage: error.stage, type: error.name, message: error.message } }
          : { status: 'skipped', reason: `${spec} could not be loaded` }),
      })),
    ),
  };
}

const joined = (report: Report, part: Part): Report => ({
  ...report,
  backends: [...report.backends, ...part.backends],
  outcomes: [...report.outcomes, ...part.outcomes],
});

/** The same events with a part in it that the engine never saw. */
function alsoTelling(listener: Listener, part: Part): Listener {
  return (event) => {
    if (event.type !== 'run_finished') return listener(event);
    part.outcomes.forEach((outcome) => listener({ type: 'outcome', outcome }));
    listener({ ...event, report: joined(event.report, part) });
  };
}

/** What is saved of an outcome: the smallest case of a violation or of a failure, unless it is known. */
function worthKeeping(outcome: Outcome, backend: Backend): SavedCounterexample | undefined {
  const { property, counterexample, failure, known } = outcome;
  const c = counterexample?.case ?? failure?.case;
  if (c === undefined || known !== undefined) return undefined;
  const { seed, path } = counterexample ?? failure ?? {};
  const { name, versions = {}, supports } = backend;
  const { after = [] } = counterexample ?? {};
  const violation = counterexample && { ...counterexample.violation, cells: cellsInQuestion(counterexample) };
  return { property, backend: name, versions, seed, path, supports, violation, case: c, after };
}

const firstLine = (text: string) => text.split('\n')[0];

function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      'unwritable',
      {
        what: `--corpus ${folder} cannot be written to: ${(error as NodeJS.ErrnoException).code}.`,
        mend: 'Name a folder that can be made.',
      },
      { cause: error },
    );
  }
}

/** As `mkdir -p`; mkdirSync's own `recursive` never returns where the system keeps saying ENOENT (/proc). */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolders(dirname(folder));
  mkdirSync(folder);
}

/** Before the run and not after it: an hour of fuzzing that cannot be written down is lost. */
export function refuseUnwritable(file: string, flag: string): void {
  const folder = dirname(file);
  try {
    accessSync(folder, constants.W_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
  } catch (error) {
    throw new UsageError(
      'unwritable',
      {
        what: `${flag} ${file} cannot be written: ${(error as NodeJS.ErrnoException).code}.`,
        mend: 'Name a file in a folder that exists.',
      },
      { cause: error },
    );
  }
}
