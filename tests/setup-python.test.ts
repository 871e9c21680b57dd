/** npm run setup:python on an environment of its own, with the smallest set alone. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const cache = mkdtempSync(join(tmpdir(), 'maskproof-python-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

function setUp(...sets: readonly string[]) {
  return spawnSync(process.execPath, [join(__dirname, '..', 'scripts', 'setup-python.mjs'), ...sets], {
    encoding: 'utf8',
    env: { ...process.env, MASKPROOF_PYTHON_CACHE: cache },
  });
}

it('says what it installs and how much, and leaves it alone the next time', ({ skip }) => {
  const first = setUp('pytest');
  if (first.status !== 0) skip(`no package could be installed here: ${first.stderr.trim().split('\n').at(-1)}`);
  const python = join(cache, 'venv', 'bin', 'python');
  expect(first.stdout).toMatch(/^Making \S+ with (?:uv|\S+ -m venv)\.$/m);
  expect(first.stdout).toMatch(/^pytest: installing pytest==[^\n]+ \(about 5 MB on disk\)\.$/m);
  expect(first.stdout).toContain(`Ready: ${python}\n`);
  expect(spawnSync(python, ['-m', 'pytest', '--version'], { encoding: 'utf8' }).stdout).toMatch(/^pytest 9/);
  expect(setUp('pytest').stdout).toBe(`pytest: installed already.\nReady: ${python}\n`);
});

it('names the sets where it is asked for another', () => {
  const { status, stderr } = setUp('torhc');
  expect(status).toBe(1);
  expect(stderr).toBe(
    'There is no set torhc; the sets are huggingface, hypothesis, nnsight, numpy, pytest, torch, transformer-lens, transformer-lens-releases.\n',
  );
});
