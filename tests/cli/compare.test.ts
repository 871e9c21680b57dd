import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { adapter, example, maskproof, settled } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));

const on = (...specs: readonly string[]) => ['compare', '--no-check', ...specs.flatMap((spec) => ['--backend', spec])];

describe('maskproof compare', () => {
  it('finds two that are right alike', async () => {
    const file = join(folder, 'alike.json');
    const args = [...on('oracle', 'tfjs-wasm', example('plain.ts')), '--runs', '60', '--seed', '1', '--json', file];
    const { code, stdout } = await maskproof(args);
    expect(stdout).toMatch(/oracle +tfjs-wasm .*✔ agree/);
    expect(code).toBe(0);
    const { pairs } = JSON.parse(readFileSync(file, 'utf8')) as {
      pairs: { rows: { compared: number }; largest: number; p99: number }[];
    };
    expect(pairs).toHaveLength(3);
    for (const { rows, largest, p99 } of pairs) {
      expect(rows.compared).toBeGreaterThan(200);
      expect(p99).toBeLessThanOrEqual(largest);
      expect(largest).toBeLessThanOrEqual(1);
    }
  });

  it('shows the smallest case that tells two apart', async () => {
    const { code, stdout } = await maskproof([
      ...on('oracle', example('boolean-added.ts')),
      '--runs',
      '40',
      '--seed',
      '1',
    ]);
    expect(settled(stdout)).toMatchSnapshot();
    expect(code).toBe(1);
  });

  it('says the same again for the same seed', async () => {
    const args = [...on('oracle', example('boolean-added.ts')), '--runs', '20', '--seed', '2', '--json', '-'];
    const [once, again] = [await maskproof(args), await maskproof(args)];
    expect(once.stdout).toBe(again.stdout);
  });

  it('goes on without one that throws, and exits with 3', async () => {
    const { code, stdout } = await maskproof([
      ...on('oracle', 'tfjs-cpu', adapter('throws.ts')),
      '--runs',
      '20',
      '--seed',
      '1',
    ]);
    expect(stdout).toMatch(/throws did not answer/);
    expect(stdout).toMatch(/oracle +tfjs-cpu .*✔ agree/);
    expect(code).toBe(3);
  });

  it('wants two backends that have something in common', async () => {
    const one = await maskproof(on('oracle'));
    expect(one.stderr).toContain('compare was given one backend, oracle.');
    expect(one.code).toBe(2);
    const none = await maskproof(on('no-such', 'oracle'));
    expect(none.code).toBe(2);
  });
});
