/** maskproof export: a counterexample as a test in somebody else's language, or as tensors. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { properties } from '../../properties/index';
import { loadBackend } from '../backends/load';
import { isAttention, loadCounterexample, type SavedCounterexample } from '../corpus/load';
import { counterexampleId, counterexampleTensors } from '../corpus/save';
import { UsageError } from '../errors';
import { claimsOf } from '../export/claims';
import { slug } from '../export/naming';
import { pytestFile } from '../export/pytest';
import { vitestFile } from '../export/vitest';
import { isAttentionProperty } from '../property';
import { resolveSupports } from '../supports';
import { writeWhole } from '../whole-file';
import { exitCode } from './exit-code';
import type { Io } from './io';
import { fileInCorpus } from './replay';
import { propertyNamed } from './select-properties';

export const exportTargets = ['pytest', 'vitest', 'safetensors'] as const;

export interface ExportOptions {
  readonly to: (typeof exportTargets)[number];
  /** Where to write; '-' is standard output. */
  readonly output?: string;
  /** Whose declarations say what the case means, and what a vitest file calls. */
  readonly backend?: string;
  readonly corpus: string;
  readonly check: boolean;
}

export async function exportCase(file: string, options: ExportOptions, io: Io): Promise<number> {
  const saved = loadCounterexample(fileInCorpus(file, options.corpus));
  const output = options.output ?? nameOf(saved, options.to);
  const bytes = await textOf(saved, { ...options, output }, io);
  if (output === '-') io.out(bytes.toString());
  else {
    write(output, bytes);
    io.out(`Wrote ${output}\n`);
  }
  return exitCode({ checked: true });
}

async function textOf(
  saved: SavedCounterexample,
  options: ExportOptions & { readonly output: string },
  io: Io,
): Promise<Buffer> {
  if (options.to === 'safetensors') {
    if (options.output === '-')
      throw new UsageError('binary', {
        what: 'A .safetensors file is no text for standard output.',
        mend: 'Name a file: --output FILE.',
      });
    return Buffer.from(counterexampleTensors(saved));
  }
  const property = propertyNamed(saved.property, properties);
  if (!isAttention(saved) || !isAttentionProperty(property))
    throw new UsageError('nothing_to_show', {
      what: `${saved.property} is about a whole model, which no ${options.to} file can bring along.`,
      mend: `Replay it on the model: maskproof replay FILE --backend ${saved.backend}; or take its tensors: --to safetensors.`,
    });
  const backend =
    options.backend === undefined ? undefined : await loadBackend(options.backend, { check: options.check });
  const supports = backend?.supports ?? saved.supports;
  if (supports === undefined)
    io.err(
      `The file does not say what ${JSON.stringify(saved.backend)} declares (it is of an older version): defaults are taken. --backend SPEC asks the backend itself.\n`,
    );
  const claims = await claimsOf(saved, property, resolveSupports(supports ?? {}));
  return Buffer.from(
    options.to === 'pytest'
      ? pytestFile(saved, claims)
      : vitestFile(saved, claims, importOf(options.backend, options.output)),
  );
}

/** How a file written to `output` imports an adapter; undefined where the backend is no file that can be imported. */
function importOf(spec: string | undefined, output: string): string | undefined {
  if (spec === undefined || !/\.[cm]?[jt]sx?$/.test(spec) || spec.includes(':')) return undefined;
  const path = relative(dirname(resolve(output === '-' ? 'x' : output)), resolve(spec)).replaceAll('\\', '/');
  return (path.startsWith('.') ? path : `./${path}`).replace(/\.tsx?$/, '');
}

function nameOf(saved: SavedCounterexample, to: ExportOptions['to']): string {
  const id = counterexampleId(saved);
  return { pytest: `test_${slug(id, '_')}.py`, vitest: `${id}.test.ts`, safetensors: `${id}.safetensors` }[to];
}

/** Never over a file that says something else: its slot may have been filled by hand. */
function write(file: string, bytes: Buffer): void {
  try {
    if (existsSync(file) && !readFileSync(file).equals(bytes))
      throw new UsageError('exists', {
        what: `${file} exists already, with other contents.`,
        mend: 'Take it away, or name another file with --output.',
      });
    writeWhole(file, bytes);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      'unwritable',
      {
        what: `${file} cannot be written: ${(error as NodeJS.ErrnoException).code}.`,
        mend: 'Name a file in a folder that exists.',
      },
      { cause: error },
    );
  }
}
