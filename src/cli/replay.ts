/** maskproof replay: a counterexample again, by value or by seed and path. */
import { join } from 'node:path';
import { existsSync, readdirSync } from 'node:fs';
import { properties } from '../../properties/index';
import { loadCounterexample, type SavedCounterexample } from '../corpus/load';
import type { Outcome } from '../engine/events';
import { openReference } from '../engine/reference';
import { replayForPicture, replayPath } from '../engine/replay';
import { defaultTimeoutMs } from '../engine/run-suite';
import { Subject } from '../engine/subject';
import { BackendError, UsageError } from '../errors';
import { isBuiltinSpec, loadBackend } from '../backends/load';
import { didYouMean } from '../nearest';
import type { Property } from '../property';
import { renderFinding } from '../report/finding';
import { escapeControls } from '../report/style';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';
import { propertyNamed } from './select-properties';

export interface ReplayOptions {
  /** None: the backend that the file names. */
  readonly backend?: string;
  readonly property?: string;
  readonly seed?: number;
  readonly path?: string;
  /** Where IDs are looked for. */
  readonly corpus: string;
  readonly reference: string;
  readonly ascii?: boolean;
  readonly check: boolean;
  readonly timeout?: number;
}

/** What became of one file, or of a seed and path. */
type Replayed = 'FIXED' | 'VIOLATED' | { readonly error: 'usage' | 'backend' };

export async function replay(files: readonly string[], options: ReplayOptions, io: Io): Promise<number> {
  if (files.length > 0) {
    const given = (['property', 'seed', 'path'] as const).find((name) => options[name] !== undefined);
    if (given !== undefined)
      throw new UsageError('file_and_path', `A file says which case it is: leave --${given} out, or the file.`);
    return codeOf(await inTurn(files, (file) => replayFile(file, options, io)));
  }
  const { backend, property, seed, path } = options;
  if (backend === undefined || property === undefined || seed === undefined || path === undefined) {
    const missing = (['backend', 'property', 'seed', 'path'] as const).filter((name) => options[name] === undefined);
    throw new UsageError('missing_option', {
      what: `replay needs a file, or --backend, --property, --seed and --path; ${missing.map((name) => `--${name}`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
    });
  }
  const label = `${property} --seed ${seed} --path ${path}`;
  return codeOf([
    await replayOn(
      label,
      backend,
      property,
      (subject) => replayPath(subject, propertyNamed(property, properties), seed, path),
      options,
      io,
    ),
  ]);
}

async function replayFile(file: string, options: ReplayOptions, io: Io): Promise<Replayed> {
  try {
    const saved = loadCounterexample(fileInCorpus(file, options.corpus));
    const property = meant(saved.property);
    if (options.backend === undefined && !isBuiltinSpec(saved.backend))
      throw new UsageError('missing_option', {
        what: `This case was found on ${JSON.stringify(saved.backend)}, which is not built in.`,
        mend: 'Give its adapter: --backend SPEC.',
      });
    return await replayOn(
      file,
      options.backend ?? saved.backend,
      saved.property,
      (subject) => replayForPicture(subject, property, saved.case, saved.after),
      options,
      io,
      saved,
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.out(`ERROR ${file}: ${escapeControls(error.message)}\n`);
    return { error: 'usage' };
  }
}

/** The property that a file names. */
function meant(id: string): Property {
  const found = properties.find((property) => property.id === id);
  if (found !== undefined) return found;
  const ids = properties.map((property) => property.id);
  throw new UsageError('unknown_property', {
    what: `The file means nothing any more: there is no property ${JSON.stringify(id)}.${didYouMean(id, ids)}`,
    mend: 'maskproof list prints them.',
  });
}

/** A path; or the name of a counterexample in the corpus, or as much of it as no other begins with: never a path out of it. */
export function fileInCorpus(named: string, corpus: string): string {
  const isId = /^[A-Za-z0-9-]+$/.test(named);
  if (!isId || existsSync(named)) return named;
  const names = (existsSync(corpus) ? readdirSync(corpus) : []).flatMap((name) =>
    name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : [],
  );
  const [first, ...others] = names.includes(named) ? [named] : names.filter((name) => name.startsWith(named)).sort();
  if (first === undefined)
    throw new UsageError('file_missing', {
      what: `There is no counterexample ${JSON.stringify(named)} in ${corpus}.${didYouMean(named, names)}`,
      mend: 'Give a path, or another folder with --corpus.',
    });
  if (others.length > 0)
    throw new UsageError('ambiguous', {
      what: `${others.length + 1} counterexamples in ${corpus} begin with ${JSON.stringify(named)}.`,
      facts: [first, ...others],
      mend: 'Give more of its name.',
    });
  return join(corpus, `${first}.json`);
}

async function replayOn(
  label: string,
  spec: string,
  property: string,
  again: (subject: Subject) => Promise<Outcome>,
  options: ReplayOptions,
  io: Io,
  saved?: SavedCounterexample,
): Promise<Replayed> {
  const failed = (message: string): Replayed => {
    io.out(`ERROR ${label}: ${escapeControls(message)}\n`);
    return { error: 'backend' };
  };
  try {
    const backend = await loadBackend(spec, { check: options.check });
    const reference = await openReference(options.reference);
    try {
      const subject = new Subject(backend, reference, (options.timeout ?? defaultTimeoutMs / 1000) * 1000);
      const outcome = await again(subject);
      if (outcome.status === 'failed') return failed(outcome.failure?.message ?? 'the backend failed.');
      if (outcome.status === 'skipped')
        throw new UsageError('not_applicable', {
          what: `${saved ? 'The file means nothing any more: ' : ''}${property} has nothing to say about this case on ${backend.name}: ${outcome.reason}.`,
        });
      const versions = versionNote(saved?.versions ?? {}, backend.versions ?? {});
      if (outcome.status === 'held' || outcome.counterexample === undefined) {
        io.out(`FIXED ${label}: ${property} holds on ${escapeControls(backend.name)}${versions}\n`);
        return 'FIXED';
      }
      io.out(`VIOLATED ${label}: ${property} on ${escapeControls(backend.name)}${versions}\n\n`);
      const context = {
        style: styleFor(io, options.ascii ?? false),
        backend: subject.info,
        ...(saved && { file: label }),
      };
      io.out(`${renderFinding(outcome, outcome.counterexample, [], context).join('\n')}\n\n`);
      return 'VIOLATED';
    } finally {
      await reference.close();
    }
  } catch (error) {
    if (error instanceof BackendError) return failed(`${error.name}: ${error.message}`);
    throw error;
  }
}

/** What has another version now than when the case was saved. */
function versionNote(then: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string {
  const changed = Object.keys(then).filter((name) => now[name] !== undefined && now[name] !== then[name]);
  return changed.length === 0
    ? ''
    : ` (${changed.map((name) => `${name} ${now[name]}, saved with ${then[name]}`).join(', ')})`;
}

const codeOf = (all: readonly Replayed[]) =>
  exitCode({
    usage: all.some((one) => typeof one === 'object' && one.error === 'usage'),
    failed: all.some((one) => typeof one === 'object' && one.error === 'backend'),
    violated: all.includes('VIOLATED'),
    checked: true,
  });

async function inTurn<T, U>(items: readonly T[], use: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const item of items) results.push(await use(item));
  return results;
}
