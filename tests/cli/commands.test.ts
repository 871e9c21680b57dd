import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caseToWire } from '../../src/protocol/codec';
import type { reportToJson } from '../../src/report/json';
import { maskCase } from '../unit/report/cases';
import { adapter, example, maskproof, settled } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const buggy = example('boolean-added.ts');
type Json = ReturnType<typeof reportToJson>;

describe('maskproof fuzz', () => {
  it('shows a violation as a picture and exits with 1', async () => {
    const args = ['fuzz', '--backend', buggy, '--property', 'padding/no-influence', '--seed', '1', '--no-check'];
    const { code, stdout, stderr } = await maskproof(args);
    expect(settled(stdout)).toMatchSnapshot();
    expect(stderr).toBe('');
    expect(code).toBe(1);
  });

  it('draws in ASCII where asked for, and where the locale is not UTF-8', async () => {
    const args = ['fuzz', '--backend', buggy, '--property', 'padding/no-influence', '--seed', '1', '--no-check'];
    const [asked, locale] = await Promise.all([
      maskproof([...args, '--ascii']),
      maskproof(args, { env: { LC_ALL: 'C' } }),
    ]);
    expect(asked.stdout).toMatch(/^[\u0000-\u007f]*$/);
    expect(asked.stdout).toContain('X dropped by the mask, yet used');
    expect(settled(locale.stdout)).toBe(settled(asked.stdout));
  });

  it('writes the same report as JSON, twice the same', async () => {
    const file = join(folder, 'report.json');
    const args = [
      'fuzz',
      '--backend',
      buggy,
      '--backend',
      'oracle',
      '--property',
      'forms/*',
      '--runs',
      '20',
      '--seed',
      '3',
      '--no-check',
    ];
    const [first, second] = await Promise.all([
      maskproof([...args, '--json', '-']),
      maskproof([...args, '--json', file]),
    ]);
    expect([first.code, second.code]).toEqual([1, 1]);
    const timeless = (text: string) =>
      JSON.parse(text, (name, value: unknown) => (name === 'seconds' ? 0 : value)) as Json;
    const json = timeless(first.stdout);
    expect(timeless(readFileSync(file, 'utf8'))).toEqual(json);
    expect(json.schema).toBe('maskproof/report@1');
    expect(json.seed).toBe(3);
    expect(json.backends.map(({ name }) => name)).toEqual(['boolean-added', 'oracle']);
    const statuses = new Set(json.outcomes.map(({ backend, status }) => `${backend} ${status}`));
    expect(statuses).toContain('oracle held');
    expect(statuses).toContain('boolean-added violated');
    expect(statuses).toContain('boolean-added skipped');
    expect(first.stderr).toContain('Not checked:');
  });

  it('tells a backend that does not load or errs, and exits with 3', async () => {
    const [missing, threw] = await Promise.all([
      maskproof([
        'fuzz',
        '--backend',
        './none.ts',
        '--backend',
        'oracle',
        '--property',
        'rows/mass',
        '--runs',
        '3',
        '--json',
        '-',
      ]),
      maskproof([
        'fuzz',
        '--backend',
        adapter('throws.ts'),
        '--property',
        'numerics/agrees-with-reference',
        '--seed',
        '1',
        '--no-check',
      ]),
    ]);
    expect([missing.code, threw.code]).toEqual([3, 3]);
    const { outcomes } = JSON.parse(missing.stdout) as Json;
    expect(outcomes.map(({ backend, status, stage }) => ({ backend, status, stage }))).toEqual([
      { backend: 'oracle', status: 'held', stage: undefined },
      { backend: './none.ts', status: 'failed', stage: 'load' },
    ]);
    expect(threw.stdout).toContain('one key \\u001b[31monly');
    expect(threw.stdout).not.toContain('\u001b');
  });

  it('exits with 4 where nothing was checked', async () => {
    const args = ['fuzz', '--backend', buggy, '--property', 'hooks/sentinel', '--runs', '3', '--no-check'];
    const { code, stdout } = await maskproof(args);
    expect(stdout).toContain('hooks/sentinel: does not return scores');
    expect(code).toBe(4);
  });

  it('stops at Ctrl-C, says what it found, and exits with 130', async () => {
    let signalled = false;
    const { code, stdout, stderr } = await maskproof(
      ['fuzz', '--backend', adapter('slow.ts'), '--seconds', '600', '--no-check'],
      {
        onStderr: (text, child) => {
          if (!text.includes('answering') || signalled) return;
          signalled = true;
          child.kill('SIGINT');
        },
      },
    );
    expect(stderr).toContain('Stopping');
    expect(stdout).toContain('Interrupted: ');
    expect(code).toBe(130);
  });
});

describe('maskproof replay and shrink', () => {
  const corpus = join(folder, 'corpus');
  let saved = '';
  beforeAll(async () => {
    await maskproof([
      'fuzz',
      '--backend',
      buggy,
      '--property',
      'padding/no-influence',
      '--seed',
      '1',
      '--no-check',
      '--corpus',
      corpus,
    ]);
    saved = join(corpus, readdirSync(corpus)[0]);
  });

  it('says VIOLATED, FIXED or ERROR for each file', async () => {
    const [violated, fixed, mixed, dead] = await Promise.all([
      maskproof(['replay', saved, '--backend', buggy, '--no-check']),
      maskproof(['replay', saved, '--backend', 'oracle']),
      maskproof(['replay', saved, join(folder, 'none.json'), '--backend', 'oracle']),
      maskproof(['replay', saved, '--backend', './none.ts']),
    ]);
    expect([violated.code, fixed.code, mixed.code, dead.code]).toEqual([1, 0, 2, 3]);
    expect(settled(violated.stdout, folder)).toMatchSnapshot();
    expect(settled(fixed.stdout, folder)).toMatchSnapshot();
    expect(settled(mixed.stdout, folder)).toMatchSnapshot();
    expect(dead.stdout).toMatch(/^ERROR .*BackendMissingError: There is no file \.\/none\.ts\./);
  });

  it('takes the name of a counterexample in the corpus', async () => {
    const name = readdirSync(corpus)[0].replace('.json', '');
    const { code, stdout } = await maskproof(['replay', name, '--corpus', corpus, '--backend', 'oracle']);
    expect(stdout).toMatch(/^FIXED padding-no-influence-/);
    expect(code).toBe(0);
  });

  it('replays seed and path as they were printed', async () => {
    const {
      seed,
      path,
      case: wire,
    } = JSON.parse(readFileSync(saved, 'utf8')) as { seed: number; path: string; case: object };
    const at = ['--property', 'padding/no-influence', '--seed', String(seed), '--path', path];
    const { code, stdout } = await maskproof(['replay', '--backend', buggy, ...at, '--no-check']);
    expect(stdout).toContain('Smallest case: batch 1, num_heads 1');
    expect(wire).toHaveProperty('mask');
    expect(code).toBe(1);
  });

  it('shrinks a case from elsewhere and keeps it', async () => {
    const keep = [
      [1, 1, 0, 1],
      [1, 1, 1, 1],
      [0, 1, 1, 1],
      [1, 1, 1, 1],
    ];
    const file = join(folder, 'foreign.json');
    writeFileSync(file, JSON.stringify(caseToWire(maskCase({ keep, headDim: 2 }))));
    const args = ['--property', 'padding/no-influence', '--corpus', join(folder, 'shrunk')];
    const [violated, holds] = await Promise.all([
      maskproof(['shrink', file, '--backend', buggy, ...args, '--no-check']),
      maskproof(['shrink', file, '--backend', 'oracle', ...args]),
    ]);
    expect(settled(violated.stdout, folder)).toMatchSnapshot();
    expect(readdirSync(join(folder, 'shrunk'))).toHaveLength(1);
    expect(settled(holds.stdout, folder)).toMatchSnapshot();
    expect([violated.code, holds.code]).toEqual([1, 0]);
  });

  it('takes a counterexample for a known failure, and reports when it holds', async () => {
    const file = join(corpus, 'known.json');
    const entry = {
      property: 'padding/no-influence',
      case: saved.slice(corpus.length + 1),
      reason: 'the example adds its mask',
    };
    const failures = [
      { ...entry, backend: 'boolean-added' },
      { ...entry, backend: 'oracle' },
    ];
    writeFileSync(file, JSON.stringify({ schema: 'maskproof/known-failures@1', failures }));
    const args = [
      '--known-failures',
      file,
      '--property',
      'padding/no-influence',
      '--runs',
      '20',
      '--seed',
      '1',
      '--no-check',
    ];
    const [known, fixed] = await Promise.all([
      maskproof(['fuzz', '--backend', buggy, ...args]),
      maskproof(['fuzz', '--backend', 'oracle', ...args]),
    ]);
    expect(known.stdout).toContain('✖ padding/no-influence: violated after 1 case, known');
    expect(known.code).toBe(0);
    expect(fixed.stdout).toContain('is listed as a known failure and holds now: the example adds its mask');
    expect(fixed.code).toBe(1);
  });
});

describe('maskproof list', () => {
  it('says which properties a backend can take, and why not the others', async () => {
    const { code, stdout } = await maskproof(['list', '--backend', buggy, '--no-check']);
    expect(stdout).toContain('✔ forms/boolean-equals-additive');
    expect(stdout).toMatch(/– hooks\/sentinel\n.*\n {6}Cannot be asked: does not return scores\n/);
    expect(code).toBe(0);
  });

  it('prints properties and built-in backends as JSON too', async () => {
    const { code, stdout } = await maskproof(['list', '--json']);
    const json = JSON.parse(stdout) as {
      properties: { id: string; statement: string }[];
      backends: { name: string }[];
    };
    expect(json.properties.map(({ id }) => id)).toContain('forms/boolean-equals-additive');
    expect(json.backends.map(({ name }) => name)).toContain('oracle');
    expect(code).toBe(0);
  });
});

describe('maskproof init', () => {
  it('writes an adapter that holds as it is, and overwrites nothing', async () => {
    const cwd = mkdtempSync(join(folder, 'init-'));
    const first = await maskproof(['init'], { cwd });
    expect(first.stdout).toBe(
      'Wrote maskproof.backend.ts\nWrote .github/workflows/maskproof.yml\n\nNext: npx maskproof fuzz --backend ./maskproof.backend.ts\n',
    );
    expect(existsSync(join(cwd, '.github', 'workflows', 'maskproof.yml'))).toBe(true);
    writeFileSync(join(cwd, '.github', 'workflows', 'maskproof.yml'), 'mine');
    const again = await maskproof(['init'], { cwd });
    expect(again.stdout).toContain('Left .github/workflows/maskproof.yml alone: it is there already\n');
    expect(readFileSync(join(cwd, '.github', 'workflows', 'maskproof.yml'), 'utf8')).toBe('mine');
    const fuzzed = await maskproof(['fuzz', '--backend', './maskproof.backend.ts', '--runs', '20', '--seed', '1'], {
      cwd,
    });
    expect(fuzzed.stdout).toContain(' 0 violated, ');
    expect(fuzzed.code).toBe(0);
  });
});

describe('bad input', () => {
  it.each<[string, string[], string]>([
    ['an unknown option', ['fuzz', '--run', '3'], 'There is no option --run. Did you mean "--runs"?\n'],
    ['a shard that is none', ['fuzz', '--shard', '3/2'], '--shard "3/2" is no shard.\n'],
    ['an unknown command', ['fuz'], 'There is no command "fuz". Did you mean "fuzz"?\n'],
    [
      'a number out of range',
      ['fuzz', '--runs', '-1'],
      '--runs "-1" is out of range: give a whole number from 1 to 1000000000.\n',
    ],
    [
      'a seed out of range',
      ['fuzz', '--seed', '2147483648'],
      '--seed "2147483648" is out of range: give a whole number from 0 to 2147483647.\n',
    ],
    ['a missing value', ['fuzz', '--seed'], '--seed <n> needs a value.\n'],
    [
      'an unknown property',
      ['fuzz', '--property', 'padding/no-influense'],
      'There is no property "padding/no-influense". Did you mean "padding/no-influence"?\n',
    ],
    ['an unknown backend', ['fuzz', '--backend', 'orakle'], 'There is no backend "orakle". Did you mean "oracle"?\n'],
    [
      'an unknown reference',
      ['fuzz', '--backend', 'oracle', '--reference', 'wasn'],
      'There is no reference "wasn". Did you mean "wasm"?\n',
    ],
    [
      'a folder that cannot be made',
      ['fuzz', '--corpus', '/dev/null/x'],
      '--corpus /dev/null/x cannot be written to: ENOTDIR.\n',
    ],
    [
      'a report that cannot be written',
      ['fuzz', '--json', '/none/x.json'],
      '--json /none/x.json cannot be written: ENOENT.\n',
    ],
    [
      'a file that is missing',
      ['fuzz', '--known-failures', 'none.json'],
      'The file of known failures none.json does not exist.\n',
    ],
    [
      'a replay of nothing',
      ['replay', '--seed', '1'],
      'replay needs a file, or --backend, --property, --seed and --path; --backend, --property, --path are missing.\n',
    ],
    ['a shrink without a backend', ['shrink', 'x.json', '--property', 'rows/mass'], 'shrink needs --backend.'],
    ['a shrink of nothing', ['shrink', '--backend', 'oracle', '--property', 'rows/mass'], 'shrink needs <file>.\n'],
  ])('%s is one sentence and exit status 2', async (_, args, sentence) => {
    const { code, stdout, stderr } = await maskproof(args);
    expect(`${stderr}\n`).toContain(`maskproof: ${sentence}`);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
