/** The command lines of the documentation, run one after the other in a project as it describes one; with few cases each. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadKnownFailures } from '../src/known-failures';

const root = join(__dirname, '..');
const project = mkdtempSync(join(tmpdir(), 'maskproof-snippets-'));
afterAll(() => rmSync(project, { recursive: true }));

/** The counterexample that the documentation names. */
const found = 'padding-no-influence-4f846ffa5994.json';

beforeAll(() => {
  for (const name of ['attention.ts', 'plain.ts'])
    cpSync(join(root, 'examples', name), join(project, name === 'plain.ts' ? 'my-backend.ts' : name));
  mkdirSync(join(project, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(join(root, 'bin', 'maskproof.js'), join(project, 'node_modules', '.bin', 'maskproof'));
  const text = readFileSync(join(root, 'tests', 'fixtures', 'formats', 'counterexample-2.json'), 'utf8');
  for (const file of ['findings/3f2a.json', 'elsewhere.json', `maskproof-corpus/${found}`]) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text.replace('forms/boolean-equals-additive', 'padding/no-influence'));
  }
});

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/<!-- generated: .*?<!-- end -->/gs, '');
  return Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, block]) => ({ language, text: block }));
}

/** Every text in a document of YAML. */
const textsIn = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : value !== null && typeof value === 'object'
      ? Object.values(value).flatMap(textsIn)
      : [];

/** The lines that call maskproof, as a shell has them. */
function commandsIn({ language, text }: Block): string[] {
  const lines =
    language === 'yaml'
      ? textsIn(parse(text))
      : language === 'groovy'
        ? Array.from(text.matchAll(/"(npx maskproof[^"]*)"/g), ([, line]) => line.replace('${mode}', '$MODE'))
        : ['sh', 'bash'].includes(language)
          ? text.split('\n')
          : [];
  return lines.filter((line) => line.includes('npx maskproof') && !line.startsWith('#'));
}

/** With a budget that a test has time for, and without checking the types of the same adapter again and again. */
const quick = (line: string): string =>
  line
    .replace(/npx maskproof fuzz/, 'npx maskproof fuzz --no-check')
    .replaceAll(/--runs \d+/g, '--runs 3')
    .replace(/^(?!.*--runs)(.*maskproof fuzz)/, '$1 --runs 3');

function run(line: string, env: Readonly<Record<string, string>> = {}) {
  return spawnSync('bash', ['-c', line], {
    cwd: project,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LANG: 'C.UTF-8',
      MODE: 'pr',
      npm_config_update_notifier: 'false',
      ...env,
    },
  });
}

describe.each(['README.md', 'docs/ci.md', 'docs/reports.md'])('%s', (page) => {
  const commands = blocksOf(page).flatMap(commandsIn);
  it.each(commands.map((line) => [line]))('%s', (line) => {
    // What one job of two does, and what a job that comes after them finds.
    const shards = line.includes('--json shard.json') ? ['1', '2'] : [undefined];
    for (const shard of shards) {
      const env: Record<string, string> =
        shard === undefined ? {} : { CI_NODE_INDEX: shard, CI_NODE_TOTAL: '2', GITHUB_RUN_ID: '7' };
      const { status, stdout, stderr } = run(quick(line), env);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).not.toBe('');
      if (shard === undefined) continue;
      mkdirSync(join(project, 'shards', shard), { recursive: true });
      cpSync(join(project, 'shard.json'), join(project, 'shards', shard, 'shard.json'));
    }
    for (const [, file] of line.matchAll(/--(?:json|junit|sarif|html) (\S+)/g))
      expect(existsSync(join(project, file))).toBe(true);
  });
});

it('holds a file of known failures that can be read', () => {
  const [block] = blocksOf('docs/ci.md').filter(({ text }) => text.includes('maskproof/known-failures@1'));
  writeFileSync(join(project, 'known-failures.json'), block.text);
  expect(loadKnownFailures(join(project, 'known-failures.json'))).toHaveLength(1);
});
