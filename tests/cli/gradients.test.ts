/** A counterexample of a gradient goes the way of every other: report, corpus, replay, shrinking, export. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadCounterexample } from '../../src/corpus/load';
import type { reportToJson } from '../../src/report/json';
import { maskproof, root } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-gradients-'));
afterAll(() => rmSync(folder, { recursive: true }));

const backend = join(root, 'tests', 'cli', 'adapters', 'trained-padding.ts');
const property = 'gradients/zero-at-dropped';
const corpus = join(folder, 'corpus');
const report = join(folder, 'report.json');
const on = (spec: string) => ['--backend', spec, '--no-check'];
let found: Awaited<ReturnType<typeof maskproof>>;
let file = '';

beforeAll(async () => {
  const kept = ['--corpus', corpus, '--json', report];
  found = await maskproof(['fuzz', ...on(backend), '--seed', '1', '--runs', '50', '--property', property, ...kept]);
  file = join(corpus, readdirSync(corpus)[0]);
});

it('is shown with the key in question and the numbers of its gradient', () => {
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/that of the value at b=0 h=0 j=1 is \S+ where exactly 0 is due/);
  expect(found.stdout).toMatch(/q0 {2}■ {2}◉/);
  expect(found.stdout).toContain('gradient of value[b=0, h=0, k=1]');
});

it('is in the report with the gradient of the loss', () => {
  const { outcomes } = JSON.parse(readFileSync(report, 'utf8')) as ReturnType<typeof reportToJson>;
  expect(outcomes[0].violation).toMatchObject({
    case: { want: { gradients: true }, grad_output: { shape: [1, 1, 1, 1] } },
    numbers: { of: 'gradient of value', expected: [0] },
  });
});

it('is violated again from the corpus, and fixed on the oracle', async () => {
  expect((await maskproof(['replay', file, ...on(backend)])).code).toBe(1);
  const fixed = await maskproof(['replay', file, ...on('oracle')]);
  expect(fixed.stdout).toMatch(/^FIXED/);
});

it('comes back from a .safetensors file as the case that it was', async () => {
  const exported = join(folder, 'case.safetensors');
  expect((await maskproof(['export', file, ...on(backend), '--to', 'safetensors', '-o', exported])).code).toBe(0);
  const { case: c } = loadCounterexample(file);
  expect(loadCounterexample(exported).case).toEqual(c);
  const shrunk = await maskproof(['shrink', exported, ...on(backend), '--property', property, '--corpus', corpus]);
  expect(shrunk.code).toBe(1);
  expect(shrunk.stdout).toContain('exactly 0 is due');
});
