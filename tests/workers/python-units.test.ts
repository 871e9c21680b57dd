import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { pythonWith } from './support';

const python = pythonWith('numpy');

it.skipIf(python === undefined)('the modules of maskproof_worker pass their own tests', () => {
  const run = ['-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'];
  const { status, stderr } = spawnSync(python!, run, { cwd: resolve(__dirname, '../../python'), encoding: 'utf8' });
  expect(stderr).toMatch(/\nOK(?: \(skipped=\d+\))?\n$/);
  expect(status).toBe(0);
});
