/** Keeping counterexamples: one file each, named for what it holds. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '../../reference/case';
import { UsageError } from '../errors';
import { caseToWire, caseToWireWith, tensorToWire, toSnakeCase } from '../protocol/codec';
import { writeSafetensors } from '../protocol/safetensors';
import { packageVersion } from '../version';
import { writeWhole } from '../whole-file';
import { counterexampleSchema, type SavedCounterexample } from './load';

/** The file's name: the property, and a hash of what fails (not of when or how it was found). */
export function counterexampleId({ property, backend, case: c, after }: SavedCounterexample): string {
  const held = JSON.stringify([property, backend, caseToWire(c), after.map(caseToWire)]);
  const slug = property.replaceAll(/[^A-Za-z0-9]+/g, '-');
  return `${slug}-${createHash('sha256').update(held).digest('hex').slice(0, 12)}`;
}

/** Tensors of more numbers than this stand in a .safetensors file beside the JSON. */
const MAX_INLINE = 4096;

/** Writes a counterexample into `folder`, made where it is missing, and returns the file's path. The same finding is one file, however often it is found. Throws a UsageError where there is no room. */
export function saveCounterexample(folder: string, saved: SavedCounterexample): string {
  const id = counterexampleId(saved);
  const file = join(folder, `${id}.json`);
  if (existsSync(file)) return file;
  const { text, tensors } = counterexampleFiles(saved, `${id}.safetensors`);
  try {
    mkdirSync(folder, { recursive: true });
    // The tensors first: a JSON file that is there is whole.
    if (tensors.length > 0) writeWhole(join(folder, `${id}.safetensors`), writeSafetensors(tensors));
    writeWhole(file, text);
  } catch (error) {
    throw new UsageError(
      'unwritable',
      {
        what: `The counterexample ${file} could not be kept: ${(error as NodeJS.ErrnoException).code}.`,
        mend: 'Make room there; the same seed finds it again.',
      },
      { cause: error },
    );
  }
  return file;
}

/** The JSON, readable, one tensor a line, and what is too large for it: to be kept as `beside` in the same folder. */
export function counterexampleFiles(
  saved: SavedCounterexample,
  beside: string,
): { text: string; tensors: readonly (readonly [string, Tensor])[] } {
  const tensors: [string, Tensor][] = [];
  const json = counterexampleJson(saved, (tensor, name) => {
    if (tensor.data.length <= MAX_INLINE) return tensorToWire(tensor);
    tensors.push([name, tensor]);
    return { dtype: tensor.dtype, shape: tensor.shape, tensor: name };
  });
  return { text: jsonText({ ...json, ...(tensors.length > 0 && { tensors: beside }) }), tensors };
}

/** The whole as one .safetensors file: every tensor by its name, all else in the metadata. */
export function counterexampleTensors(saved: SavedCounterexample): Uint8Array {
  const tensors: [string, Tensor][] = [];
  const json = counterexampleJson(saved, (tensor, name) => {
    tensors.push([name, tensor]);
    return { dtype: tensor.dtype, shape: tensor.shape, tensor: name };
  });
  return writeSafetensors(tensors, { maskproof: JSON.stringify(json) });
}

/** Tensors are put into words by `write`, which is told a name that is theirs alone: 'query', 'after.0.query'. */
function counterexampleJson(saved: SavedCounterexample, write: (tensor: Tensor, name: string) => unknown) {
  const { property, backend, versions, seed, path, supports, violation, after } = saved;
  return {
    schema: counterexampleSchema,
    maskproof: packageVersion(),
    property,
    backend,
    versions,
    seed,
    path,
    ...(supports && { supports: toSnakeCase(supports) }),
    ...(violation && { violation: { summary: violation.summary, rows: violation.rows, cells: violation.cells } }),
    case: caseToWireWith(saved.case, write),
    ...(after.length > 0 && {
      after: after.map((c, n) => caseToWireWith(c, (tensor, name) => write(tensor, `after.${n}.${name}`))),
    }),
  };
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
