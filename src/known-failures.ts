/** Failures that are known: what a file of them says, and which of them foretells a finding. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import semver from 'semver';
import type { Case } from '../reference/model-case';
import { loadCounterexample, readJson } from './corpus/load';
import { UsageError } from './errors';
import { matchesGlob } from './glob';
import { caseFromWire, WireError } from './protocol/codec';
import { packageRoot } from './version';

export const knownFailuresSchema = 'maskproof/known-failures@1';

/** One entry of the file. */
export interface KnownFailureEntry {
  /** A property's id, or a pattern such as 'padding/*'. */
  readonly property: string;
  /** A backend's name, or a pattern such as 'hf-model-eager:*'. */
  readonly backend: string;
  /** A semver range per package; the entry speaks of no other versions. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Facets of the smallest case, as `coverage` names them: { mask_form: 'boolean', dtype: 'float16' }. */
  readonly when?: Readonly<Record<string, string>>;
  /** A case that fails; once it holds, the entry is out of date and the run says so. */
  readonly case?: Case;
  readonly after?: readonly Case[];
  readonly reason: string;
  readonly link?: string;
}

const entryFields = ['property', 'backend', 'versions', 'when', 'case', 'reason', 'link'];

/** The known failures that come with maskproof: those of the built-in backends, version by version. */
export function shippedKnownFailures(): readonly KnownFailureEntry[] {
  const folder = join(packageRoot(), 'known-failures');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((name) => loadKnownFailures(join(folder, name)));
}

/** Reads a file of known failures: `{ schema, failures: [...] }`. A case is inline, or the path of a counterexample file beside it. */
export function loadKnownFailures(file: string): readonly KnownFailureEntry[] {
  const json = readJson(file, 'The file of known failures');
  const { schema, failures } = (json ?? {}) as { schema?: unknown; failures?: unknown };
  if (schema !== knownFailuresSchema || !Array.isArray(failures))
    throw new UsageError('bad_known_failures', {
      what: `${file} is no file of known failures.`,
      facts: [`schema=${JSON.stringify(schema)}, failures=${Array.isArray(failures) ? 'a list' : typeof failures}`],
      mend: `It looks like { "schema": "${knownFailuresSchema}", "failures": [{ "property": ..., "backend": ..., "reason": ... }] }.`,
    });
  return failures.map((entry, n) => entryOf(entry, `failures[${n}]`, file));
}

function entryOf(json: unknown, at: string, file: string): KnownFailureEntry {
  const wrong = (what: string): never => {
    throw new UsageError('bad_known_failures', {
      what: `${file} holds an entry that cannot be read: ${what}`,
      mend: `An entry has ${entryFields.join(', ')}; property, backend and reason are due.`,
    });
  };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return wrong(`${at} is no object.`);
  const entry = json as Readonly<Record<string, unknown>>;
  const odd = Object.keys(entry).find((field) => !entryFields.includes(field));
  if (odd !== undefined) wrong(`${at}.${odd} is no field.`);
  for (const field of ['property', 'backend', 'reason'])
    if (typeof entry[field] !== 'string' || entry[field] === '')
      wrong(`${at}.${field} is ${JSON.stringify(entry[field])}; it is text.`);
  for (const field of ['versions', 'when']) {
    const texts = entry[field] ?? {};
    if (typeof texts !== 'object' || !Object.values(texts).every((value) => typeof value === 'string'))
      wrong(`${at}.${field} is ${JSON.stringify(texts)}; it maps names to text.`);
  }
  for (const [name, range] of Object.entries((entry.versions ?? {}) as Record<string, string>))
    if (semver.validRange(range) === null)
      wrong(`${at}.versions.${name} is ${JSON.stringify(range)}; it is a semver range such as ">=1.24 <1.27".`);
  if (entry.link !== undefined && typeof entry.link !== 'string')
    wrong(`${at}.link is ${JSON.stringify(entry.link)}; it is text.`);
  const { case: wire, ...rest } = entry;
  if (wire === undefined) return rest as unknown as KnownFailureEntry;
  if (typeof wire === 'string') {
    const { case: c, after } = loadCounterexample(beside(file, wire));
    return { ...(rest as unknown as KnownFailureEntry), case: c, after };
  }
  try {
    return { ...(rest as unknown as KnownFailureEntry), case: caseFromWire(wire, `${at}.case`) };
  } catch (error) {
    if (error instanceof WireError) return wrong(error.message);
    throw error;
  }
}

/** The path of a file that another names: never outside the other's folder. */
function beside(file: string, named: string): string {
  const folder = dirname(resolve(file));
  const path = resolve(folder, named);
  const inside = relative(folder, path);
  if (inside.startsWith('..') || isAbsolute(inside))
    throw new UsageError('outside_folder', {
      what: `${file} names a case outside its own folder: ${JSON.stringify(named)}.`,
      mend: `Put the case into ${folder} or a folder below it.`,
    });
  return path;
}

/** Whether an entry speaks of this property on this backend in these versions. A version that is not told matches no range. */
export function speaksOf(
  entry: KnownFailureEntry,
  property: string,
  backend: { readonly name: string; readonly versions?: Readonly<Record<string, string>> },
): boolean {
  return (
    matchesGlob(backend.name, entry.backend) &&
    matchesGlob(property, entry.property) &&
    Object.entries(entry.versions ?? {}).every(([name, range]) => satisfies(backend.versions?.[name], range))
  );
}

/** Whether the facets of a case are those that the entry tells. */
export function isForetold(
  entry: KnownFailureEntry,
  facets: Readonly<Record<string, string | readonly string[]>>,
): boolean {
  return Object.entries(entry.when ?? {}).every(([facet, value]) => [facets[facet]].flat().includes(value));
}

/** Library versions are not always semver ('2.9.0+cu126', '2.6.0.dev20250101'): what reads as one is compared as one. */
function satisfies(version: string | undefined, range: string): boolean {
  const read = version === undefined ? null : (semver.parse(version) ?? semver.coerce(version));
  return read !== null && semver.satisfies(read, range, { includePrerelease: true });
}
