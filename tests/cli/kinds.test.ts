/** What is no plain attention call goes the same ways: whole models and gradients through corpus, replay, known failures, shards and every report. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timeless } from '../support/repeats';
import { junitErrors, reportErrors, sarifErrors } from '../support/schemas';
import { adapter, maskproof, type Ran } from './run';

const kinds = [
  { kind: 'a whole model', file: 'model.ts', property: 'models/*', finds: 'models/padding-content', runs: '40' },
  { kind: 'a gradient', file: 'gradient.ts', property: 'gradients/*', finds: 'gradients/agree', runs: '40' },
];
const mended = { MASKPROOF_TEST_MENDED: '1' };

describe.each(kinds)('$kind', ({ file, property, finds, runs }) => {
  const folder = mkdtempSync(join(tmpdir(), 'maskproof-kinds-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  const text = (name: string) => readFileSync(at(name), 'utf8');
  const on = ['--backend', adapter(file), '--no-check'];
  const args = ['fuzz', ...on, '--property', property, '--runs', runs, '--seed', '1'];
  let first: Ran;
  let files: string[];

  beforeAll(async () => {
    const reports = ['--json', at('r.json'), '--junit', at('r.xml'), '--sarif', at('r.sarif'), '--html', at('r.html')];
    first = await maskproof([...args, '--corpus', at('corpus'), ...reports], {
      env: { GITHUB_STEP_SUMMARY: at('summary.md') },
    });
    files = readdirSync(at('corpus')).map((name) => join(at('corpus'), name));
  });

  it('is found, and stands in every report', async () => {
    expect(first.stdout).toContain(`✖ ${finds}  on `);
    expect(first.code).toBe(1);
    expect(reportErrors(text('r.json'))).toEqual([]);
    expect(await junitErrors(text('r.xml'))).toEqual([]);
    expect(sarifErrors(text('r.sarif'))).toEqual([]);
    for (const name of ['r.xml', 'r.sarif', 'r.html', 'summary.md']) expect(text(name)).toContain(finds);
    expect(text('r.html')).toMatch(/<td class="cell kept"/);
    expect(text('r.html')).toContain('What was drawn and checked');
  });

  it('is replayed by value, first of all and by itself', async () => {
    const [again, now, then] = await Promise.all([
      maskproof([...args, '--corpus', at('corpus')]),
      maskproof(['replay', ...files, ...on], { env: mended }),
      maskproof(['replay', ...files, ...on]),
    ]);
    expect(again.stdout).toMatch(new RegExp(`^corpus .*, replayed first: of ${files.length}, ${files.length} fail\n`));
    expect(now.stdout.match(/^FIXED/gm)).toHaveLength(files.length);
    expect(then.stdout.match(/^VIOLATED/gm)).toHaveLength(files.length);
    expect([again.code, now.code, then.code]).toEqual([1, 0, 1]);
  });

  it('is known where a file says so, and news once it is mended', async () => {
    const failures = files.map((path) => {
      const saved = JSON.parse(readFileSync(path, 'utf8')) as { property: string; backend: string };
      return { property: saved.property, backend: saved.backend, case: path.slice(folder.length + 1), reason: 'known' };
    });
    writeFileSync(at('known.json'), JSON.stringify({ schema: 'maskproof/known-failures@1', failures }));
    const known = [...args, '--known-failures', at('known.json')];
    const [now, then] = await Promise.all([maskproof(known), maskproof(known, { env: mended })]);
    expect(now.stdout).toContain(`${files.length} of them known`);
    expect(then.stdout).toContain(`${finds}: known to fail, holds now`);
    expect([now.code, then.code]).toEqual([0, 1]);
  });

  it('has the bytes of the whole in shards and threads', async () => {
    const shards = ['1', '2'].map((n) =>
      maskproof([...args, '--shard', `${n}/2`, '--jobs', n, '--json', at(`${n}.json`)]),
    );
    await Promise.all(shards);
    const merged = await maskproof(['merge', at('1.json'), at('2.json'), '--json', at('merged.json')]);
    expect(merged.code).toBe(1);
    expect(timeless(text('merged.json'))).toBe(timeless(text('r.json')));
  });

  it('is shrunk from a file and exported as tensors', async () => {
    const [saved] = files.filter((path) => path.includes(finds.replace('/', '-')));
    const tensors = at('case.safetensors');
    await maskproof(['export', saved, '--to', 'safetensors', '--output', tensors]);
    const shrunk = await maskproof(['shrink', tensors, ...on, '--property', finds, '--corpus', at('shrunk')]);
    expect(shrunk.stdout).toContain(`✖ ${finds}  on `);
    expect(shrunk.code).toBe(1);
  });
});
