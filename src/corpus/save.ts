/** Keeping counterexamples: one file each, named for what it holds. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { caseToWire } from '../protocol/codec';
import { counterexampleSchema, type SavedCounterexample } from './load';

/** The file's name: the property, and a hash of what fails (not of when or how it was found). */
export function counterexampleId({ property, backend, case: c, after }: SavedCounterexample): string {
  const held = JSON.stringify([property, backend, caseToWire(c), after.map(caseToWire)]);
  const slug = property.replaceAll(/[^A-Za-z0-9]+/g, '-');
  return `${slug}-${createHash('sha256').update(held).digest('hex').slice(0, 12)}`;
}

/** Writes a counterexample into `folder`, made where it is missing, and returns the file's path. The same finding is one file, however often it is found. */
export async function saveCounterexample(folder: string, saved: SavedCounterexample): Promise<string> {
  const file = join(folder, `${counterexampleId(saved)}.json`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) await writeFileAtomic(file, counterexampleText(saved));
  return file;
}

/** What stands in the file: readable, one tensor a line. */
export function counterexampleText(saved: SavedCounterexample): string {
  const { property, backend, versions, seed, path } = saved;
  return jsonText({
    schema: counterexampleSchema,
    property,
    backend,
    versions,
    seed,
    path,
    case: caseToWire(saved.case),
    ...(saved.after.length > 0 && { after: saved.after.map(caseToWire) }),
  });
}

/** JSON with lists of plain values on one line. */
export function jsonText(value: unknown): string {
  return `${write(value, '')}\n`;
}

function write(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== 'object' || item === null))
      return `[${value.map((item) => write(item, '')).join(', ')}]`;
    return `[\n${value.map((item) => inner + write(item, inner)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return '{}';
  const flat = entries.every(([, item]) => typeof item !== 'object' || item === null);
  const parts = entries.map(([name, item]) => `${JSON.stringify(name)}: ${write(item, inner)}`);
  return flat && indent !== '' && parts.length <= 4
    ? `{ ${parts.join(', ')} }`
    : `{\n${parts.map((part) => inner + part).join(',\n')}\n${indent}}`;
}
