/** The pytest plugin in a Python project: pytest, the Node command and a worker as real processes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { properties } from '../../properties';
import { pythonWith } from './support';

const root = join(__dirname, '..', '..');
const python = pythonWith('numpy', 'pytest');
const folder = mkdtempSync(join(tmpdir(), 'maskproof-pytest-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Adds a boolean mask to the scores. */
const worker = `
import numpy as np
from maskproof_worker import one_by_one, serve_one_of

def attend_one(session, case):
    scores = case.query @ case.key.swapaxes(-1, -2) * np.float32(case.scale)
    if case.mask is not None:
        mask = case.mask.array
        scores = scores + (mask.astype(np.float32) if session == "added" or mask.dtype != bool else np.where(mask, 0, -np.inf).astype(np.float32))
    weights = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(np.float32).min))
    return {"output": (weights / weights.sum(-1, keepdims=True)) @ case.value}

def backend(name):
    supports = {"mask_ranks": [4], "mask_forms": ["boolean", "additive"]}
    return {"name": name, "supports": supports, "open": lambda options: name, "attend": one_by_one(attend_one)}

if __name__ == "__main__":
    serve_one_of({"added": backend("added"), "filled": backend("filled")})
`;

beforeAll(() => {
  writeFileSync(join(folder, 'attention_worker.py'), worker);
  writeFileSync(
    join(folder, 'pytest.ini'),
    `[pytest]\nmaskproof_workers = attention_worker.py:filled\nmaskproof_command = ${process.execPath} ${join(root, 'bin', 'maskproof.js')}\nmaskproof_runs = 20\nmaskproof_seed = 1\n`,
  );
  writeFileSync(join(folder, 'test_other.py'), 'def test_other():\n    pass\n');
});

const pytest = (...args: string[]) =>
  spawnSync(python ?? '', ['-m', 'pytest', '-p', 'pytest_maskproof', '-p', 'no:cacheprovider', '--color=no', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: join(root, 'python'), PYTHONDONTWRITEBYTECODE: '1' },
  });

/** pytest is not installed where nobody ran `npm run setup:python`. */
describe.skipIf(python === undefined)('the pytest plugin', () => {
  it('has an item for each property of the workers in the configuration, beside other tests', () => {
    const { stdout, status } = pytest('--collect-only', '-q');
    const items = stdout.split('\n').filter((line) => line.includes('::'));
    expect(items).toEqual([
      ...properties.map(({ id }) => `attention_worker.py::filled::${id}`),
      'test_other.py::test_other',
    ]);
    expect(status).toBe(0);
  });

  it('passes what holds and skips the rest with reasons', () => {
    const { stdout, status } = pytest('-rs', '-k', 'forms or rows or softcap');
    expect(stdout).toMatch(/SKIPPED \[1\] attention_worker\.py:1: does not declare a softcap/);
    expect(stdout).toMatch(/\d+ passed, \d+ skipped, \d+ deselected/);
    expect(status).toBe(0);
  });

  it('fails with the picture', () => {
    const { stdout, status } = pytest(
      '--maskproof-worker',
      'attention_worker.py:added',
      'attention_worker.py::added::forms/boolean-equals-additive',
    );
    expect(stdout).toContain('added: forms/boolean-equals-additive');
    expect(stdout).toMatch(/q1 {2}■ {2}◉/);
    expect(stdout).toMatch(/1 failed/);
    expect(stdout).not.toContain('Traceback');
    expect(status).toBe(1);
  });

  it('runs one test file without the workers', () => {
    const { stdout, status } = pytest('test_other.py');
    expect(stdout).toContain('1 passed');
    expect(stdout).not.toContain('attention_worker');
    expect(status).toBe(0);
  });

  it('tells what maskproof said where it does not run', () => {
    const { stdout, stderr, status } = pytest('--maskproof-runs', '-1', '-k', 'mass');
    expect(stdout + stderr).toMatch(/maskproof fuzz ended with status 2 and without a report/);
    expect(status).toBe(1);
    const missing = pytest('-o', 'maskproof_command=no-such-command', '-k', 'mass');
    expect(missing.stdout + missing.stderr).toMatch(/maskproof could not be called as no-such-command/);
    expect(missing.status).not.toBe(0);
  });
});
