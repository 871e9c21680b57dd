/** The GitHub Action: the script that it runs, as a process with the variables that the action sets. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(__dirname, '..');
const script = join(root, 'scripts', 'action.sh');
const folder = mkdtempSync(join(tmpdir(), 'maskproof-action-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: {
    readonly steps: readonly {
      readonly env?: Readonly<Record<string, string>>;
      readonly run?: string;
      readonly with?: Readonly<Record<string, string>>;
    }[];
  };
}
const action = parse(readFileSync(join(root, 'action.yml'), 'utf8')) as Action;

/** A project that has maskproof installed. */
const project = join(folder, 'project');
beforeAll(() => {
  mkdirSync(join(project, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(join(root, 'bin', 'maskproof.js'), join(project, 'node_modules', '.bin', 'maskproof'));
});

function run(cwd: string, variables: Readonly<Record<string, string>>) {
  const output = join(folder, 'output.txt');
  rmSync(output, { force: true });
  const ran = spawnSync('bash', [script], {
    cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LANG: 'C.UTF-8',
      npm_config_update_notifier: 'false',
      GITHUB_OUTPUT: output,
      ...variables,
    },
  });
  return { ...ran, outputs: existsSync(output) ? readFileSync(output, 'utf8') : '' };
}

const plain = join(root, 'examples', 'plain.ts');
const buggy = join(root, 'examples', 'boolean-added.ts');

describe('action.yml', () => {
  it('hands every input to the script, as a variable that the script reads', () => {
    const [step] = action.runs.steps;
    const text = readFileSync(script, 'utf8');
    for (const [name, value] of Object.entries(step.env ?? {})) {
      expect(text).toContain(`\${${name}:-`);
      for (const [, input] of value.matchAll(/inputs\.([\w-]+)/g)) expect(action.inputs).toHaveProperty(input);
    }
    const used = JSON.stringify(action.runs.steps);
    for (const [name, { description }] of Object.entries(action.inputs)) {
      expect(used).toContain(`inputs.${name}`);
      expect(description).not.toBe('');
    }
    // What comes from outside is never part of a script.
    for (const { run: text } of action.runs.steps) expect(text ?? '').not.toContain('${{');
  });
});

describe('the script', () => {
  it('writes every report and ends as maskproof does', () => {
    const held = run(project, {
      MASKPROOF_BACKEND: `\n  ${plain}\n`,
      MASKPROOF_PROPERTY: 'rows/mass\nforms/*',
      MASKPROOF_RUNS: '5',
      MASKPROOF_MODE: 'pr',
      MASKPROOF_DIRECTORY: 'here',
    });
    expect(held.stdout).toContain('seed 1');
    expect(held.status).toBe(0);
    expect(held.outputs).toBe('exit-code=0\nreports=here/maskproof-reports\n');
    for (const name of ['maskproof.json', 'maskproof.xml', 'maskproof.sarif', 'maskproof.html'])
      expect(existsSync(join(project, 'maskproof-reports', name))).toBe(true);
  });

  it('takes several backends, a corpus and further options', () => {
    const found = run(project, {
      MASKPROOF_BACKEND: `${plain}\n${buggy}`,
      MASKPROOF_PROPERTY: 'forms/boolean-equals-additive',
      MASKPROOF_CORPUS: 'the corpus',
      MASKPROOF_REPORTS: 'my reports',
      MASKPROOF_ARGS: '--no-check\n--reference oracle\n',
      MASKPROOF_SEED: '7',
    });
    expect(found.stdout).toContain('seed 7');
    expect(found.stdout).toMatch(/✖ forms\/boolean-equals-additive {2}on boolean-added/);
    expect(existsSync(join(project, 'the corpus'))).toBe(true);
    expect(existsSync(join(project, 'my reports', 'maskproof.json'))).toBe(true);
    expect(found.outputs).toContain('exit-code=1\n');
    expect(found.status).toBe(1);
  });

  it('does the part of its job in a matrix', () => {
    const { stdout, status } = run(project, {
      MASKPROOF_BACKEND: 'oracle',
      MASKPROOF_PROPERTY: 'rows/mass',
      MASKPROOF_MODE: 'pr',
      MASKPROOF_SHARD: 'matrix',
      MASKPROOF_JOB_INDEX: '1',
      MASKPROOF_JOB_TOTAL: '3',
    });
    expect(stdout).toContain('Shard 2 of 3; maskproof merge joins the reports.\n');
    expect(status).toBe(0);
  });

  it('runs nothing that stands in an input', () => {
    const { status, outputs } = run(project, {
      MASKPROOF_BACKEND: '$(touch owned); touch owned',
      MASKPROOF_SEED: '1; touch owned',
      MASKPROOF_ARGS: '`touch owned`',
    });
    expect(status).toBe(2);
    expect(outputs).toContain('exit-code=2\n');
    expect(existsSync(join(project, 'owned'))).toBe(false);
  });

  it('says what to do where maskproof is not installed', () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const { status, stdout } = run(empty, { MASKPROOF_BACKEND: 'oracle' });
    expect(stdout).toMatch(/^::error::maskproof is not installed here\. Run `npm ci` before this action/m);
    expect(status).toBe(2);
  });
});

describe('docs/ci.md', () => {
  const docs = readFileSync(join(root, 'docs', 'ci.md'), 'utf8');
  const blocks = Array.from(docs.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, text]) => ({ language, text }));

  it('holds YAML and JSON that can be read', () => {
    const kinds = blocks.map(({ language }) => language);
    expect(kinds).toContain('yaml');
    for (const { language, text } of blocks) {
      if (language === 'yaml') expect(parse(text)).toBeTruthy();
      if (language === 'json') expect(JSON.parse(text)).toHaveProperty('failures');
    }
  });

  it('names inputs that the action has, and options that the command has', () => {
    const uses = blocks.flatMap(({ text }) =>
      text.includes('OWNER/maskproof@')
        ? [parse(text) as { jobs: { masks: { steps: { uses?: string; with?: object }[] } } }]
        : [],
    );
    const steps = uses.flatMap(({ jobs }) => jobs.masks.steps).filter((step) => step.uses?.includes('maskproof'));
    expect(steps).toHaveLength(1);
    for (const name of Object.keys(steps[0].with ?? {})) expect(action.inputs).toHaveProperty(name);
    const commands = Array.from(docs.matchAll(/npx maskproof (\w+) ([^\n"]*)/g), ([, command, rest]) => ({
      command,
      flags: rest.match(/--[a-z-]+/g) ?? [],
    }));
    const helps = new Map<string, string>();
    for (const { command } of commands)
      if (!helps.has(command))
        helps.set(
          command,
          spawnSync(process.execPath, [join(root, 'bin', 'maskproof.js'), command, '--help'], { encoding: 'utf8' })
            .stdout,
        );
    for (const { command, flags } of commands) for (const flag of flags) expect(helps.get(command)).toContain(flag);
  });
});
