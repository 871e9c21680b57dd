/** A run begins with what was found before: every file of the corpus is checked again, before anything is drawn. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../cases';
import type { Outcome } from '../engine/events';
import { replayForPicture } from '../engine/replay';
import type { Subject } from '../engine/subject';
import { UsageError } from '../errors';
import { isForetold, speaksOf, type KnownFailureEntry } from '../known-failures';
import { didYouMean } from '../nearest';
import type { Property } from '../property';
import { isCounterexample, loadCounterexample, readJson, type SavedCounterexample } from './load';

/** What became of one file. */
export interface ReplayedFile {
  readonly file: string;
  /**
   * holds: mended, and watched from now on; fails: still, or again; known: fails as an entry of the known failures says; void: the file
   * means nothing any more; unreadable; elsewhere: about a backend or property that is not in this run.
   */
  readonly status: 'holds' | 'fails' | 'known' | 'void' | 'unreadable' | 'elsewhere';
  /** Why it is void or unreadable: a full sentence. */
  readonly reason?: string;
  /** Of one that fails. */
  readonly outcome?: Outcome;
}

export interface ReplayFirstOptions {
  readonly subjects: readonly Subject[];
  /** Those of the run. */
  readonly chosen: readonly Property[];
  /** All that there are. */
  readonly properties: readonly Property[];
  readonly knownFailures: readonly KnownFailureEntry[];
  readonly signal?: AbortSignal;
}

/** Checks the counterexamples in a folder, in the order of their names, on the backends that they were found on. */
export async function replayFirst(folder: string, options: ReplayFirstOptions): Promise<readonly ReplayedFile[]> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const unopened = new Set<string>();
  const all: ReplayedFile[] = [];
  for (const name of names.sort()) {
    if (options.signal?.aborted) break;
    const file = join(folder, name);
    const saved = read(file);
    if (saved === undefined) continue;
    all.push({ file, ...('status' in saved ? saved : await replayOne(saved, options, unopened)) });
  }
  return all;
}

/** The first file that fails of each property and backend, as its outcome: what the run need not search for. */
export function settledBy(files: readonly ReplayedFile[]): readonly Outcome[] {
  const first = new Map<string, Outcome>();
  for (const { outcome } of files) {
    if (outcome === undefined) continue;
    const key = JSON.stringify([outcome.property, outcome.backend]);
    if (!first.has(key)) first.set(key, outcome);
  }
  return [...first.values()];
}

type Verdict = Omit<ReplayedFile, 'file'>;

/** undefined for JSON that is no counterexample: other files may lie in the folder. */
function read(file: string): SavedCounterexample | Verdict | undefined {
  try {
    return isCounterexample(readJson(file, 'The case file')) ? loadCounterexample(file) : undefined;
  } catch (error) {
    if (error instanceof UsageError) return { status: 'unreadable', reason: error.message };
    throw error;
  }
}

async function replayOne(
  saved: SavedCounterexample,
  options: ReplayFirstOptions,
  unopened: Set<string>,
): Promise<Verdict> {
  const { subjects, chosen, properties, knownFailures } = options;
  const ids = properties.map(({ id }) => id);
  if (!ids.includes(saved.property))
    return {
      status: 'void',
      reason: `There is no property ${JSON.stringify(saved.property)}.${didYouMean(saved.property, ids)}`,
    };
  const property = chosen.find(({ id }) => id === saved.property);
  const subject = subjects.find(({ backend }) => backend.name === saved.backend);
  if (property === undefined || subject === undefined || unopened.has(saved.backend)) return { status: 'elsewhere' };
  const outcome = await replayForPicture(subject, property, saved.case, saved.after);
  if (outcome.failure?.stage === 'open' || outcome.failure?.stage === 'load') {
    // For the run to tell, once.
    unopened.add(saved.backend);
    return { status: 'elsewhere' };
  }
  if (outcome.status === 'skipped')
    return {
      status: 'void',
      reason: `${saved.property} has nothing to say about its case on ${saved.backend}: ${outcome.reason}.`,
    };
  if (outcome.status === 'held') return { status: 'holds' };
  const facets = Object.fromEntries(
    kindOf(saved.case)
      .describe(saved.case)
      .map(({ facet, value }) => [facet, value]),
  );
  const isKnown = knownFailures.some(
    (entry) => speaksOf(entry, saved.property, subject.backend) && isForetold(entry, facets),
  );
  return isKnown ? { status: 'known' } : { status: 'fails', outcome };
}

/** The lines that tell of it: one in all, and one for every file that is void or unreadable. Nothing where the corpus is empty. */
export function replayedLines(folder: string, files: readonly ReplayedFile[]): string[] {
  const count = (status: ReplayedFile['status']) => files.filter((file) => file.status === status).length;
  const told = files.filter(({ reason }) => reason !== undefined);
  const parts = (
    [
      ['holds', 'hold now'],
      ['fails', 'fail'],
      ['known', 'fail as known'],
      ['void', 'mean nothing any more'],
      ['unreadable', 'cannot be read'],
      ['elsewhere', 'are about what is not in this run'],
    ] as const
  ).flatMap(([status, words]) => (count(status) === 0 ? [] : [`${count(status)} ${words}`]));
  if (files.length === 0) return [];
  return [
    `corpus ${folder}, replayed first: of ${files.length}, ${parts.join(', ')}`,
    ...told.map(({ file, status, reason }) =>
      status === 'void' ? `  ${file} means nothing any more: ${reason}` : `  ${reason}`,
    ),
  ];
}
