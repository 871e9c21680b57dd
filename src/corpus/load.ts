/** Counterexample files: what stands in one, and reading it back. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AttentionCase, Tensor } from '../../reference/case';
import { isModelCase, modelProblemOf, type Case } from '../../reference/model-case';
import { problemOf } from '../../reference/validate';
import type { Supports } from '../backend';
import { UsageError } from '../errors';
import type { Violation } from '../property';
import { caseFromWire, numberToWire, toCamelCase, WireError } from '../protocol/codec';
import { readSafetensors, SafetensorsError } from '../protocol/safetensors';
import { supportsProblem } from '../supports';
import { bareCase } from './bare-case';

/** What is written. Every version that ever was is read: 1 had neither supports, violation nor tensors beside it. */
export const counterexampleSchema = 'maskproof/counterexample@2';
const readable = ['1', '2'];
const schemaPattern = /^maskproof\/counterexample@(\d+)$/;

/** A failing case as it is kept: the case itself, so that it survives a change of generators. */
export interface SavedCounterexample {
  readonly property: string;
  /** The backend's name. */
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed?: number;
  readonly path?: string;
  /** What the backend declared then: what the case means where libraries differ. */
  readonly supports?: Partial<Supports>;
  /** What was found then, for information. */
  readonly violation?: Pick<Violation, 'summary' | 'rows' | 'cells'>;
  readonly case: Case;
  /** Cases to send before it in a fresh session, oldest first. */
  readonly after: readonly Case[];
}

/** One that is about a single attention call. */
export type SavedAttention = SavedCounterexample & {
  readonly case: AttentionCase;
  readonly after: readonly AttentionCase[];
};

export function isAttention(saved: SavedCounterexample): saved is SavedAttention {
  return ![saved.case, ...saved.after].some(isModelCase);
}

/** Whether a JSON value says of itself that it is a counterexample, of whatever version. */
export function isCounterexample(json: unknown): boolean {
  return schemaPattern.test(String((json as { schema?: unknown } | null)?.schema));
}

/** Reads a counterexample that `save` or `export` wrote, or throws a UsageError that says what is wrong with the file. */
export function loadCounterexample(file: string): SavedCounterexample {
  if (!isSafetensors(file)) return fromJson(file, readJson(file, 'The case file'));
  const { metadata, tensors } = tensorsIn(file, 'The case file');
  return fromJson(file, jsonIn(file, metadata), tensors);
}

/** A failing case from elsewhere: a counterexample file, a bare case in wire form, or bare tensors. */
export function loadCase(file: string): Pick<SavedCounterexample, 'case' | 'after'> {
  if (isSafetensors(file)) {
    const { metadata, tensors } = tensorsIn(file, 'The case file');
    if ('maskproof' in metadata) return fromJson(file, jsonIn(file, metadata), tensors);
    return { case: valid(file, () => bareCase(tensors, metadata)), after: [] };
  }
  const json = readJson(file, 'The case file');
  if (typeof json === 'object' && json !== null && 'schema' in json) return fromJson(file, json);
  return { case: valid(file, () => caseFromWire(json)), after: [] };
}

/** `inside`: the tensors of the file itself, where it is one of tensors. */
function fromJson(file: string, json: unknown, inside?: ReadonlyMap<string, Tensor>): SavedCounterexample {
  const saved = (json ?? {}) as Readonly<Record<string, unknown>>;
  const version = schemaPattern.exec(String(saved.schema))?.[1];
  if (version === undefined)
    throw new UsageError('bad_case_file', {
      what: `${file} is no counterexample file: its schema is ${JSON.stringify(saved.schema) ?? 'missing'}, not "${counterexampleSchema}".`,
      mend: 'maskproof fuzz --corpus DIR writes such files; maskproof shrink takes a bare case as well.',
    });
  if (!readable.includes(version))
    throw new UsageError('newer_case_file', {
      what: `${file} was written by a newer maskproof: its format is ${version}, and this one reads ${readable.join(' and ')}.`,
      mend: 'Update maskproof.',
    });
  for (const field of ['property', 'backend'])
    if (typeof saved[field] !== 'string')
      throw unreadable(file, `${field} is ${JSON.stringify(saved[field]) ?? 'missing'}; it is text.`);
  const after: unknown = saved.after ?? [];
  if (!Array.isArray(after)) throw unreadable(file, `after is ${JSON.stringify(after)}; it is a list of cases.`);
  const tensors =
    inside ??
    (saved.tensors === undefined ? undefined : tensorsIn(beside(file, saved.tensors), 'The file of tensors').tensors);
  const read = (wire: unknown, at: string) => valid(file, () => caseFromWire(withNumbers(wire, tensors, at), at));
  const supports = supportsOf(saved.supports);
  return {
    property: saved.property as string,
    backend: saved.backend as string,
    versions: (saved.versions ?? {}) as Record<string, string>,
    ...(typeof saved.seed === 'number' && { seed: saved.seed }),
    ...(typeof saved.path === 'string' && { path: saved.path }),
    ...(supports && { supports }),
    ...(isViolation(saved.violation) && { violation: saved.violation }),
    case: read(saved.case, 'case'),
    after: after.map((wire, n) => read(wire, `after[${n}]`)),
  };
}

/** For information only: what is not understood, from another version perhaps, is left out. */
function supportsOf(json: unknown): Partial<Supports> | undefined {
  if (json === undefined) return undefined;
  const supports = toCamelCase(json);
  return supportsProblem(supports) === undefined ? (supports as Partial<Supports>) : undefined;
}

function isViolation(json: unknown): json is NonNullable<SavedCounterexample['violation']> {
  const { summary, rows, cells } = (json ?? {}) as Record<string, unknown>;
  return typeof summary === 'string' && Array.isArray(rows) && Array.isArray(cells);
}

/** A wire form in which every `{ dtype, shape, tensor: NAME }` has the numbers of the tensor of that name. */
function withNumbers(wire: unknown, tensors: ReadonlyMap<string, Tensor> | undefined, at: string): unknown {
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire)) return wire;
  const { tensor: name, ...rest } = wire as Record<string, unknown>;
  if (typeof name !== 'string')
    return Object.fromEntries(
      Object.entries(wire).map(([field, value]) => [field, withNumbers(value, tensors, `${at}.${field}`)]),
    );
  const found = tensors?.get(name);
  if (found === undefined)
    throw new WireError(`${at} is the tensor ${JSON.stringify(name)}, which is not in the file of tensors.`);
  const { dtype, shape } = rest as { dtype?: unknown; shape?: unknown };
  if (dtype !== found.dtype || JSON.stringify(shape) !== JSON.stringify(found.shape))
    throw new WireError(
      `${at} is ${JSON.stringify(dtype)} of ${JSON.stringify(shape)}; the tensor ${JSON.stringify(name)} is ${JSON.stringify(found.dtype)} of ${JSON.stringify(found.shape)}.`,
    );
  return { ...rest, data: Array.from(found.data, numberToWire) };
}

/** The file of tensors that another names: in the same folder, and nowhere else. */
function beside(file: string, named: unknown): string {
  if (typeof named !== 'string' || named !== basename(named) || named.includes('\\') || !isSafetensors(named))
    throw unreadable(
      file,
      `tensors is ${JSON.stringify(named)}; it is the name of a .safetensors file in the same folder.`,
    );
  return join(dirname(file), named);
}

export const isSafetensors = (file: string): boolean => file.endsWith('.safetensors');

function tensorsIn(file: string, what: string) {
  try {
    return readSafetensors(bytesOf(file, what));
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new UsageError(
      'bad_case_file',
      { what: `${file} is no safetensors file that can be read.`, facts: [error.message] },
      { cause: error },
    );
  }
}

function jsonIn(file: string, { maskproof }: Readonly<Record<string, string>>): unknown {
  if (maskproof === undefined)
    throw new UsageError('bad_case_file', {
      what: `${file} is no counterexample file: its metadata lack "maskproof".`,
      mend: 'maskproof export --to safetensors writes such files; maskproof shrink takes bare tensors as well.',
    });
  return parsed(file, maskproof, 'The metadata of');
}

/** The case that `read` makes, if it is one that can be sent. */
function valid(file: string, read: () => Case): Case {
  let c: Case;
  try {
    c = read();
  } catch (error) {
    if (error instanceof WireError) throw unreadable(file, error.message);
    throw error;
  }
  const problem = isModelCase(c) ? modelProblemOf(c) : problemOf(c);
  if (problem !== undefined) throw unreadable(file, problem);
  return c;
}

function unreadable(file: string, problem: string): UsageError {
  return new UsageError('bad_case_file', { what: `${file} holds no case that can be sent.`, facts: [problem] });
}

/** The JSON in a file; `what` begins the sentence where there is none. */
export function readJson(file: string, what: string): unknown {
  return parsed(file, bytesOf(file, what).toString('utf8'), what);
}

function bytesOf(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UsageError('file_missing', { what: `${what} ${file} does not exist.`, mend: 'Check the path.' });
    throw new UsageError('file_unreadable', { what: `${what} ${file} cannot be read: ${code}.` }, { cause: error });
  }
}

function parsed(file: string, text: string, what: string): unknown {
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
