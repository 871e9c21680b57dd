import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeWhole } from '../../src/whole-file';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-whole-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe('a file that is written whole', () => {
  it('takes the place of the one before, with its mode', () => {
    writeFileSync(at('a'), 'before');
    chmodSync(at('a'), 0o600);
    writeWhole(at('a'), 'after');
    expect(readFileSync(at('a'), 'utf8')).toBe('after');
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
  });

  it('is written where a link leads', () => {
    mkdirSync(at('there'));
    writeFileSync(at('there/real'), 'before');
    symlinkSync(at('there/real'), at('link'));
    writeWhole(at('link'), 'after');
    expect(readFileSync(at('there/real'), 'utf8')).toBe('after');
  });

  it('leaves nothing behind where it cannot be put in its place', () => {
    mkdirSync(at('full/taken'), { recursive: true });
    writeFileSync(at('full/taken/x'), '');
    expect(() => writeWhole(at('full/taken'), 'text')).toThrow();
    expect(() => writeWhole(at('nowhere/x'), 'text')).toThrow(/ENOENT/);
    expect(readdirSync(at('full'))).toEqual(['taken']);
  });

  it('goes through a pipe, which stays one', async () => {
    expect(spawnSync('mkfifo', [at('pipe')]).status).toBe(0);
    const reader = spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'ignore'] });
    let read = '';
    reader.stdout.on('data', (bytes: Buffer) => (read += bytes.toString()));
    writeWhole(at('pipe'), 'text');
    await new Promise((resolve) => reader.on('close', resolve));
    expect(read).toBe('text');
    expect(statSync(at('pipe')).isFIFO()).toBe(true);
  });
});
