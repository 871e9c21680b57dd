/**
 * Where `npm run setup:tensorflow` puts the package, its addon and TensorFlow's libraries, and whether they are still what was put there.
 * A store is a folder of its own, outside of node_modules, which npm empties when it likes.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Variant = 'gpu' | 'cpu';

/** What a store holds: files by their path within it. */
export interface Manifest {
  readonly version: 1;
  /** Of TensorFlow's libraries. */
  readonly tensorflow: string;
  readonly files: Readonly<Record<string, StoredFile>>;
}

export interface StoredFile {
  readonly size: number;
  readonly sha256: string;
  /** When it was written: a file that has not been touched since is not read again. */
  readonly mtimeMs: number;
}

/** Where the store of a variant is: MASKPROOF_TENSORFLOW, or .cache/tensorflow beside maskproof's package.json. */
export function storeFolder(variant: Variant): string {
  return join(process.env.MASKPROOF_TENSORFLOW ?? join(packageFolder(__dirname), '.cache', 'tensorflow'), variant);
}

function packageFolder(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageFolder(dirname(folder));
}

export const manifestOf = (folder: string): string => join(folder, 'manifest.json');

/** The package in a store. */
export const packageIn = (folder: string): string => join(folder, 'node_modules', '@tensorflow', 'tfjs-node');

/** What is wrong with a store, as the end of a sentence; undefined where everything is what was put there. Files of the right size and time are not read. */
export function storeProblem(folder: string): string | undefined {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(manifestOf(folder), 'utf8')) as Manifest;
  } catch {
    return 'its manifest.json is missing or is no JSON';
  }
  for (const [path, { size, sha256, mtimeMs }] of Object.entries(manifest.files)) {
    const file = join(folder, path);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return `${path} is missing`;
    if (found.size !== size) return `${path} has ${found.size} bytes where ${size} are due`;
    if (found.mtimeMs !== mtimeMs && sha256Of(file) !== sha256) return `${path} is another file than was put there`;
  }
  return undefined;
}

/** In pieces: a library may be larger than a buffer can be. */
export function sha256Of(file: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(2 ** 22);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece))
      hash.update(piece.subarray(0, read));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}
