import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCounterexample } from '../../src/corpus/load';
import { readReport } from '../../src/report/read';
import { repeats, timeless } from '../support/repeats';
import { adapter, example, maskproof, settled } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-shards-'));
afterAll(() => rmSync(folder, { recursive: true }));

const backends = ['--backend', example('boolean-added.ts'), '--backend', 'oracle', '--no-check'];
const some = [...backends, '--property', 'forms/*', '--property', 'rows/*', '--runs', '12'];
const textOf = (file: string) => timeless(readFileSync(file, 'utf8'));

describe('a run in parts', () => {
  it.each(Array.from({ length: repeats(1) }, (_, n) => n + 1))(
    'has the bytes of the whole, by threads and by shards, with seed %i',
    async (seed) => {
      const at = (name: string) => join(folder, `${seed}-${name}.json`);
      const args = ['fuzz', ...some, '--seed', String(seed)];
      const one = await maskproof([...args, '--json', at('one')]);
      const two = await maskproof([...args, '--json', at('two'), '--jobs', '2']);
      const shards = [
        await maskproof([...args, '--json', at('1'), '--shard', '1/2', '--jobs', '2']),
        await maskproof([...args, '--json', at('2')], { env: { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '2' } }),
      ];
      const merged = await maskproof(['merge', at('2'), at('1'), '--json', at('merged')]);
      expect([one.code, two.code, merged.code]).toEqual([1, 1, 1]);
      expect(textOf(at('two'))).toBe(textOf(at('one')));
      expect(textOf(at('merged'))).toBe(textOf(at('one')));
      expect(settled(two.stdout)).toBe(settled(one.stdout));
      expect(settled(merged.stdout)).toBe(settled(one.stdout));
      expect(shards[1].stdout).toContain('Shard 2 of 2, as CI_NODE_INDEX says; maskproof merge joins the reports.\n');
    },
  );

  it('exits with 0 and a sentence where a shard has no cases, and merge still wants its report', async () => {
    const at = (index: number) => join(folder, `empty-${index}.json`);
    const args = ['fuzz', '--backend', 'oracle', '--property', 'rows/mass', '--runs', '1', '--seed', '1'];
    const shards = await Promise.all(
      [1, 2].map((index) => maskproof([...args, '--shard', `${index}/2`, '--json', at(index)])),
    );
    expect(shards.map(({ code }) => code)).toEqual([0, 0]);
    expect(shards[1].stdout).toContain('This shard has no cases: all of them are in the others.\n');
    const [alone, both] = await Promise.all([maskproof(['merge', at(1)]), maskproof(['merge', at(1), at(2)])]);
    expect(alone).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Of 2 shards, shard 2 is missing.') as string,
    });
    expect(both).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 held, 0 violated, 0 skipped; 1 case in') as string,
    });
  });

  it('is judged as a whole: what every shard skips is not checked', async () => {
    const at = join(folder, 'skipped.json');
    const args = [
      'fuzz',
      '--backend',
      example('boolean-added.ts'),
      '--property',
      'hooks/sentinel',
      '--seed',
      '1',
      '--no-check',
    ];
    const shard = await maskproof([...args, '--shard', '1/1', '--json', at]);
    expect([shard.code, (await maskproof(['merge', at])).code]).toEqual([0, 4]);
  });

  it('needs a seed that its shards share', async () => {
    const args = ['fuzz', '--backend', 'oracle', '--property', 'rows/mass', '--runs', '1'];
    const [none, github, pr] = await Promise.all([
      maskproof([...args, '--shard', '1/2']),
      maskproof([...args, '--shard', '1/2'], { env: { GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '1' } }),
      maskproof([...args, '--shard', '1/2', '--mode', 'pr']),
    ]);
    expect(none).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Shard 1 of 2 needs a seed that all shards share.') as string,
    });
    expect([github.code, pr.code]).toEqual([0, 0]);
    expect(pr.stdout).toContain('seed 1\n');
  });
});

describe('a mode', () => {
  const quick = ['--property', 'rows/mass', '--runs', '2'];

  it('nightly takes a fresh seed and prints it first; pr always takes the same', async () => {
    const [night, first, second] = await Promise.all([
      maskproof(['fuzz', '--backend', 'oracle', ...quick, '--mode', 'nightly']),
      maskproof(['fuzz', '--backend', 'oracle', ...quick, '--mode', 'pr']),
      maskproof(['fuzz', '--backend', 'oracle', ...quick, '--mode', 'pr']),
    ]);
    expect(night.stdout).toMatch(/^Seed (\d+): --seed \1 repeats this night\.\nmaskproof \S+ {2}seed \1\n/);
    expect(settled(first.stdout)).toBe(settled(second.stdout));
  });

  it('pr fails for what is new, and not for a known failure that holds now', async () => {
    const found = join(folder, 'found');
    const mine = ['--property', 'padding/no-influence', '--seed', '1', '--no-check'];
    await maskproof(['fuzz', '--backend', example('boolean-added.ts'), ...mine, '--corpus', found]);
    const [file] = readdirSync(found);
    const known = join(found, 'known.json');
    const entry = { property: 'padding/no-influence', backend: 'oracle', case: file, reason: 'mended' };
    writeFileSync(known, JSON.stringify({ schema: 'maskproof/known-failures@1', failures: [entry] }));
    const args = ['fuzz', '--backend', 'oracle', ...mine, '--runs', '3', '--known-failures', known];
    const [usual, pr] = await Promise.all([maskproof(args), maskproof([...args, '--mode', 'pr'])]);
    expect([usual.code, pr.code]).toEqual([1, 0]);
    expect(pr.stdout).toContain('known to fail, holds now');
  });
});

describe('maskproof.config.ts', () => {
  const write = (text: string) => {
    const cwd = mkdtempSync(join(folder, 'config-'));
    writeFileSync(join(cwd, 'maskproof.config.ts'), `import { defineConfig } from 'maskproof';\n${text}\n`);
    return cwd;
  };

  it('gives options, which flags override', async () => {
    const cwd = write(
      "export default defineConfig({ backends: ['oracle'], properties: ['rows/mass'], runs: 3, seed: 5, pr: { json: 'out.json' } });",
    );
    const elsewhere = join(cwd, 'elsewhere');
    mkdirSync(elsewhere);
    const [plain, flags, pr, without, named] = await Promise.all([
      maskproof(['fuzz', '--no-check'], { cwd }),
      maskproof(['fuzz', '--no-check', '--runs', '2', '--property', 'rows/support', '--seed', '6'], { cwd }),
      maskproof(['fuzz', '--no-check', '--mode', 'pr'], { cwd }),
      maskproof(['fuzz', '--config', 'none', '--backend', 'oracle', '--property', 'rows/*', '--runs', '1'], { cwd }),
      maskproof(['fuzz', '--no-check', '--config', '../maskproof.config.ts', '--mode', 'pr', '--json', 'mine.json'], {
        cwd: elsewhere,
      }),
    ]);
    expect(plain.stdout).toMatch(/seed 5\n[^]*1 held, 0 violated, 0 skipped; 3 cases/);
    expect(flags.stdout).toMatch(/seed 6\n[^]*1 held, 0 violated, 0 skipped; 2 cases/);
    expect(without.stdout).toContain('5 properties, 1 case each');
    expect([pr.code, named.code]).toEqual([0, 0]);
    expect([existsSync(join(cwd, 'out.json')), existsSync(join(elsewhere, 'mine.json'))]).toEqual([true, true]);
  });

  it('is refused with the path of the field, or with what its types or its code say', async () => {
    const wrong = [
      write("export default { pr: { runs: 'ten' } };"),
      write("export default defineConfig({ runs: 'ten' });"),
      write("throw new Error('no such day');"),
      write('export const config = {};'),
    ];
    const ran = await Promise.all(
      wrong.map((cwd, n) => maskproof(['fuzz', ...(n === 1 ? [] : ['--no-check'])], { cwd })),
    );
    expect(ran.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(ran[0].stderr).toContain(
      'maskproof.config.ts is no configuration: pr.runs is "ten"; it is a whole number from 1 to 1000000000.\n',
    );
    expect(ran[1].stderr).toContain("Type 'string' is not assignable to type 'number'.");
    expect(ran[2].stderr).toContain('maskproof.config.ts could not be loaded: no such day');
    expect(ran[3].stderr).toContain('it has no default export.');
  });
});

describe('a run that is killed', () => {
  /** What is on disk afterwards: reports and counterexamples that are whole, or none. */
  const check = (corpus: string, json: string, html: string) => {
    const files = existsSync(corpus) ? readdirSync(corpus).filter((name) => name.endsWith('.json')) : [];
    for (const name of files) expect(loadCounterexample(join(corpus, name)).backend).toBe('telling');
    if (existsSync(html)) expect(readFileSync(html, 'utf8').trimEnd()).toMatch(/<\/html>$/);
    return {
      counterexamples: files.length,
      report: existsSync(json) ? readReport(JSON.parse(readFileSync(json, 'utf8')), json).report : undefined,
    };
  };
  const kinds = (['SIGINT', 'SIGTERM', 'SIGKILL'] as const).flatMap((signal) =>
    ['1', '2'].map((jobs) => ({ signal, jobs })),
  );
  const moments = Array.from({ length: repeats(1) }, (_, n) => 30 + n * 7);

  it.each(kinds.flatMap((kind) => moments.map((moment) => ({ ...kind, moment }))))(
    'by $signal at call $moment, with --jobs $jobs, leaves files whole or absent',
    async ({ signal, jobs, moment }) => {
      const at = mkdtempSync(join(folder, 'killed-'));
      const [corpus, json, html] = [join(at, 'corpus'), join(at, 'report.json'), join(at, 'report.html')];
      let wasKilled = false;
      const args = [
        'fuzz',
        '--backend',
        adapter('telling.ts'),
        '--no-check',
        '--seed',
        '1',
        '--seconds',
        '300',
        '--jobs',
        jobs,
      ];
      const { code } = await maskproof([...args, '--corpus', corpus, '--json', json, '--html', html], {
        onStderr: (text, child) => {
          if (wasKilled || text.split('answering').length <= moment) return;
          wasKilled = true;
          child.kill(signal);
        },
      });
      const { report, counterexamples } = check(corpus, json, html);
      if (signal === 'SIGKILL') expect([code, report]).toEqual([null, undefined]);
      else {
        expect(code).toBe(130);
        expect(report?.interrupted).toBe(true);
        expect(report?.outcomes.filter(({ counterexample }) => counterexample !== undefined)).toHaveLength(
          counterexamples,
        );
      }
    },
  );

  it.each(
    Array.from({ length: repeats(3) }, (_, n) => ({ n, signal: (['SIGINT', 'SIGTERM', 'SIGKILL'] as const)[n % 3] })),
  )('by $signal at some moment ($n), leaves files whole or absent', async ({ n, signal }) => {
    const at = mkdtempSync(join(folder, 'moment-'));
    const [corpus, json, html] = [join(at, 'corpus'), join(at, 'report.json'), join(at, 'report.html')];
    const args = ['fuzz', '--backend', adapter('telling.ts'), '--no-check', '--seed', String(n), '--runs', '150'];
    let isDue = false;
    const { code } = await maskproof([...args, '--corpus', corpus, '--json', json, '--html', html], {
      onStderr: (_, child) => {
        if (isDue) return;
        isDue = true;
        // From the first call on: loading takes most of so short a run.
        setTimeout(() => child.kill(signal), (n * 617) % 2_500);
      },
    });
    const { report, counterexamples } = check(corpus, json, html);
    if (code === 130) expect(report?.interrupted).toBe(true);
    if (report !== undefined)
      expect(report.outcomes.filter((one) => one.counterexample !== undefined)).toHaveLength(counterexamples);
    expect([130, 1, null]).toContain(code);
  });

  it('does not wait for a backend that never comes back, and reports what it found', async () => {
    const at = mkdtempSync(join(folder, 'stuck-'));
    const json = join(at, 'report.json');
    const args = ['fuzz', '--backend', adapter('stuck.ts'), '--no-check', '--seed', '1', '--timeout', '100000'];
    let isTold = false;
    const { code, stderr } = await maskproof([...args, '--json', json], {
      onStderr: (text, child) => {
        if (isTold || text.split('answering').length <= 61) return;
        isTold = true;
        child.kill('SIGINT');
      },
    });
    expect(stderr).toContain('Stopping: what was found is reported; once more to stop at once.\n');
    expect(code).toBe(130);
    const { report } = readReport(JSON.parse(readFileSync(json, 'utf8')), json);
    expect(report.interrupted).toBe(true);
    expect(report.outcomes.filter(({ status }) => status === 'violated')).not.toEqual([]);
  });

  it('keeps what it was shrinking when a smaller case hangs', async () => {
    const json = join(mkdtempSync(join(folder, 'stuck-small-')), 'report.json');
    const args = ['fuzz', '--backend', adapter('stuck-small.ts'), '--no-check', '--seed', '1', '--timeout', '100000'];
    let isTold = false;
    const { code } = await maskproof([...args, '--property', 'rows/mass', '--json', json], {
      onStderr: (text, child) => {
        if (isTold || !text.includes('stuck')) return;
        isTold = true;
        child.kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    const { report } = readReport(JSON.parse(readFileSync(json, 'utf8')), json);
    const [{ status, counterexample }] = report.outcomes;
    expect([status, counterexample?.stopped]).toEqual(['violated', 'interrupted']);
  });

  it('by a reader that goes away, says so by its status and still writes its report', async () => {
    const json = join(mkdtempSync(join(folder, 'pipe-')), 'report.json');
    const args = ['fuzz', '--backend', example('boolean-added.ts'), '--no-check', '--seed', '1', '--seconds', '60'];
    const { code } = await maskproof([...args, '--json', json], {
      onStart: ({ stdout }) => stdout?.once('data', () => stdout.destroy()),
    });
    expect(code).toBe(130);
    expect(readReport(JSON.parse(readFileSync(json, 'utf8')), json).report.interrupted).toBe(true);
  });
});
