/** Counterexample files: what stands in one, and reading it back. */
import { readFileSync } from 'node:fs';
import type { AttentionCase } from '../../reference/case';
import { problemOf } from '../../reference/validate';
import { UsageError } from '../errors';
import { caseFromWire, WireError } from '../protocol/codec';

export const counterexampleSchema = 'maskproof/counterexample@1';

/** A failing case as it is kept: the case itself, so that it survives a change of generators. */
export interface SavedCounterexample {
  readonly property: string;
  /** The backend's name. */
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed?: number;
  readonly path?: string;
  readonly case: AttentionCase;
  /** Cases to send before it in a fresh session, oldest first. */
  readonly after: readonly AttentionCase[];
}

/** Reads a counterexample that `save` wrote, or throws a UsageError that says what is wrong with the file. */
export function loadCounterexample(file: string): SavedCounterexample {
  const json = readJson(file, 'The case file');
  const saved = (json ?? {}) as Record<string, unknown>;
  if (saved.schema !== counterexampleSchema)
    throw new UsageError('bad_case_file', {
      what: `${file} is no counterexample file: its schema is ${JSON.stringify(saved.schema) ?? 'missing'}, not "${counterexampleSchema}".`,
      mend: 'maskproof fuzz --corpus DIR writes such files; maskproof shrink takes a bare case as well.',
    });
  for (const field of ['property', 'backend'])
    if (typeof saved[field] !== 'string')
      throw unreadable(file, `${field} is ${JSON.stringify(saved[field]) ?? 'missing'}; it is text.`);
  const after: unknown = saved.after ?? [];
  if (!Array.isArray(after)) throw unreadable(file, `after is ${JSON.stringify(after)}; it is a list of cases.`);
  return {
    property: saved.property as string,
    backend: saved.backend as string,
    versions: (saved.versions ?? {}) as Record<string, string>,
    ...(typeof saved.seed === 'number' && { seed: saved.seed }),
    ...(typeof saved.path === 'string' && { path: saved.path }),
    case: readCase(file, saved.case, 'case'),
    after: after.map((wire, n) => readCase(file, wire, `after[${n}]`)),
  };
}

/** A failing case from elsewhere: a counterexample file, or a bare case in wire form. */
export function loadCase(file: string): Pick<SavedCounterexample, 'case' | 'after'> {
  if (file.endsWith('.safetensors'))
    throw new UsageError('bad_case_file', {
      what: `${file} is a safetensors file, which is not read yet.`,
      mend: 'Give the case as JSON: { "bridge": "base", "query": { "dtype", "shape", "data" }, "key", "value", "is_causal" }.',
    });
  const json = readJson(file, 'The case file');
  if (typeof json === 'object' && json !== null && 'schema' in json) return loadCounterexample(file);
  return { case: readCase(file, json, 'case'), after: [] };
}

function readCase(file: string, wire: unknown, at: string): AttentionCase {
  let c: AttentionCase;
  try {
    c = caseFromWire(wire, at);
  } catch (error) {
    if (error instanceof WireError) throw unreadable(file, error.message);
    throw error;
  }
  const problem = problemOf(c);
  if (problem !== undefined) throw unreadable(file, problem);
  return c;
}

function unreadable(file: string, problem: string): UsageError {
  return new UsageError('bad_case_file', { what: `${file} holds no case that can be sent.`, facts: [problem] });
}

/** The JSON in a file; `what` begins the sentence where there is none. */
export function readJson(file: string, what: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UsageError('file_missing', { what: `${what} ${file} does not exist.`, mend: 'Check the path.' });
    throw new UsageError('file_unreadable', { what: `${what} ${file} cannot be read: ${code}.` }, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      'bad_json',
      { what: `${what} ${file} is no JSON.`, facts: [(error as Error).message] },
      { cause: error },
    );
  }
}
