/** Writing a file so that it is whole or not there, whenever the process is killed and wherever the disk is full. */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Writes beside `file` and renames. What is no ordinary file (/dev/stdout, a pipe) is written to as it stands, and never replaced. */
export function writeWhole(file: string, contents: string | Uint8Array): void {
  const there = statSync(file, { throwIfNoEntry: false });
  // Bytes are written until they are all there; one write may be cut short by a disk that fills up, without an error.
  const bytes = Buffer.from(contents);
  if (there !== undefined && !there.isFile()) return writeFileSync(file, bytes);
  const target = there === undefined ? file : realpathSync(file);
  const beside = join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    const opened = openSync(beside, 'wx', there?.mode);
    try {
      writeFileSync(opened, bytes);
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
