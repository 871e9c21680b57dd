/** The corpus in runs: what was found before comes first. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveCounterexample } from '../../src/corpus/save';
import { loadCounterexample } from '../../src/corpus/load';
import type { reportToJson } from '../../src/report/json';
import { example, maskproof, root } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-corpus-'));
afterAll(() => rmSync(folder, { recursive: true }));
const buggy = example('boolean-added.ts');
const saved = join(root, 'tests', 'fixtures', 'formats', 'counterexample-2.json');
const found = 'forms-boolean-equals-additive-3b65097921d1.json';
/** The same backend with its mistake mended: examples/plain.ts by the other's name. */
const mended = join(folder, 'mended.ts');

beforeAll(() => {
  cpSync(example('attention.ts'), join(folder, 'attention.ts'));
  writeFileSync(mended, readFileSync(example('plain.ts'), 'utf8').replace("'plain'", "'boolean-added'"));
});

/** A corpus of its own, with these counterexamples changed as told. */
function corpusOf(name: string, ...changes: object[]): string {
  const corpus = join(folder, name);
  mkdirSync(corpus);
  for (const change of changes) saveCounterexample(corpus, { ...loadCounterexample(saved), ...change });
  return corpus;
}

const fuzz = (corpus: string, backend: string, ...more: string[]) =>
  maskproof([
    'fuzz',
    '--backend',
    backend,
    '--no-check',
    '--seed',
    '1',
    '--runs',
    '20',
    '--property',
    'forms/*',
    '--property',
    'rows/mass',
    '--corpus',
    corpus,
    ...more,
  ]);

describe('maskproof fuzz --corpus', () => {
  it('checks what was found before anything is drawn, and does not search for it again', async () => {
    const corpus = corpusOf('first', {});
    const report = join(folder, 'first.report.json');
    const { code, stdout } = await fuzz(corpus, buggy, '--json', report);
    expect(stdout).toMatch(/^corpus .*first, replayed first: of 1, 1 fail\n/);
    expect(stdout).toContain(`Again: npx maskproof replay ${join(corpus, found)} --backend ${buggy}`);
    expect(stdout).toMatch(/q0 {2}■ {2}◉/);
    const { outcomes } = JSON.parse(readFileSync(report, 'utf8')) as ReturnType<typeof reportToJson>;
    const outcome = outcomes.find(({ property }) => property === 'forms/boolean-equals-additive');
    expect(outcome).toMatchObject({ status: 'violated', cases: 1 });
    expect(outcome?.violation).not.toHaveProperty('seed');
    expect(outcomes.find(({ property }) => property === 'rows/mass')).toMatchObject({ status: 'held', cases: 20 });
    expect(readdirSync(corpus)).toContain(found);
    expect(code).toBe(1);
  });

  it('searches on where it holds now', async () => {
    const corpus = corpusOf('mended', {});
    const { code, stdout } = await fuzz(corpus, mended);
    expect(stdout).toMatch(/^corpus .*mended, replayed first: of 1, 1 hold now\n/);
    expect(stdout).toContain('0 violated');
    expect(code).toBe(0);
  });

  it('says what means nothing any more, and what is about something else', async () => {
    const { case: c } = loadCounterexample(saved);
    const corpus = corpusOf(
      'odd',
      { property: 'forms/boolean-equals-aditive' },
      { case: { ...c, softcap: 2 } },
      { backend: 'another' },
      { property: 'padding/no-influence' },
    );
    writeFileSync(join(corpus, 'report.json'), '{ "schema": "maskproof/report@1" }');
    const { code, stdout } = await fuzz(corpus, mended);
    expect(stdout).toContain('of 4, 2 mean nothing any more, 2 are about what is not in this run\n');
    expect(stdout).toMatch(
      /means nothing any more: There is no property "forms\/boolean-equals-aditive"\. Did you mean "forms\/boolean-equals-additive"\?/,
    );
    expect(stdout).toMatch(
      /means nothing any more: forms\/boolean-equals-additive has nothing to say about its case on boolean-added: .*softcap/,
    );
    expect(code).toBe(0);
  });

  it('exits with 2 where a file cannot be read, after the run', async () => {
    const corpus = corpusOf('broken', {});
    writeFileSync(join(corpus, 'half.json'), '{ "schema": "maskproof/counter');
    const { code, stdout } = await fuzz(corpus, buggy);
    expect(stdout).toMatch(/of 2, 1 fail, 1 cannot be read\n {2}The case file .*half\.json is no JSON\./);
    expect(stdout).toContain('Not checked:');
    expect(code).toBe(2);
  });

  it('leaves what is known to fail to the known failures', async () => {
    const corpus = corpusOf('known', {});
    const file = join(folder, 'known.json');
    const entry = {
      property: 'forms/boolean-equals-additive',
      backend: 'boolean-added',
      case: join('known', found),
      reason: 'a boolean mask is added',
    };
    writeFileSync(file, JSON.stringify({ schema: 'maskproof/known-failures@1', failures: [entry] }));
    const { code, stdout } = await fuzz(corpus, buggy, '--known-failures', file);
    expect(stdout).toMatch(/^corpus .*known, replayed first: of 1, 1 fail as known\n/);
    expect(stdout).toContain('Known: a boolean mask is added');
    expect(code).toBe(0);
    const now = await fuzz(corpus, mended, '--known-failures', file);
    expect(now.stdout).toContain('is listed as a known failure and holds now: a boolean mask is added');
    expect(now.code).toBe(1);
  });
});

describe('maskproof replay', () => {
  it('answers each file, and says which mean nothing any more', async () => {
    const { case: c } = loadCounterexample(saved);
    const corpus = corpusOf('replayed', {}, { property: 'rows/masss' }, { case: { ...c, softcap: 2 } });
    const files = readdirSync(corpus).map((name) => join(corpus, name));
    const [broken, fixed] = await Promise.all(
      [buggy, mended].map((backend) => maskproof(['replay', ...files, '--backend', backend, '--no-check'])),
    );
    const answers = (text: string) => text.match(/^(FIXED|VIOLATED|ERROR)/gm)?.sort();
    expect(answers(broken.stdout)).toEqual(['ERROR', 'ERROR', 'VIOLATED']);
    expect(answers(fixed.stdout)).toEqual(['ERROR', 'ERROR', 'FIXED']);
    expect(broken.stdout).toMatch(
      /ERROR .*: The file means nothing any more: there is no property "rows\/masss"\. Did you mean "rows\/mass"\?/,
    );
    expect(broken.stdout).toMatch(
      /ERROR .*: The file means nothing any more: forms\/boolean-equals-additive has nothing to say about this case on boolean-added/,
    );
    expect(broken.stdout).toMatch(/q0 {2}■ {2}◉/);
    expect([broken.code, fixed.code]).toEqual([2, 2]);
  });

  it('finds a file by its name in the corpus, or by the beginning of it', async () => {
    const corpus = corpusOf('named', {}, { property: 'forms/broadcast' });
    const args = ['--corpus', corpus, '--backend', mended, '--no-check'];
    const [whole, some, both, none] = await Promise.all(
      [found.slice(0, -'.json'.length), 'forms-bool', 'forms', 'forms-boolean-equals-aditive'].map((name) =>
        maskproof(['replay', name, ...args]),
      ),
    );
    expect([whole.code, some.code, both.code, none.code]).toEqual([0, 0, 2, 2]);
    expect(both.stdout).toMatch(/ERROR forms: 2 counterexamples in .*named begin with "forms"\./);
    expect(none.stdout).toContain('There is no counterexample "forms-boolean-equals-aditive" in ');
  });
});
