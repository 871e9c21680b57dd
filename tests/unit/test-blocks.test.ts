/** What a runner makes of a backend, as processes of their own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { properties } from '../../properties';

const root = join(__dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'maskproof-blocks-'));
afterAll(() => rmSync(folder, { recursive: true }));

const aliases: Readonly<Record<string, string>> = {
  'maskproof/vitest': 'src/vitest.mts',
  'maskproof/backend': 'src/backend.ts',
};

beforeAll(() => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  const alias = Object.fromEntries(Object.entries(aliases).map(([name, file]) => [name, join(root, file)]));
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default { resolve: { alias: ${JSON.stringify(alias)} }, test: { include: ['*.spec.ts'] } };\n`,
  );
});

const plain = { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8', NODE_OPTIONS: '' };

interface Result {
  readonly status: string;
  readonly title: string;
  readonly ancestorTitles: readonly string[];
  readonly failureMessages: readonly string[];
}

function underVitest(name: string, text: string) {
  writeFileSync(join(folder, `${name}.spec.ts`), text);
  const out = join(folder, `${name}.json`);
  const args = ['run', `${name}.spec.ts`, '--reporter=verbose', '--reporter=json', `--outputFile.json=${out}`];
  const ran = spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: plain,
  });
  const { testResults } = JSON.parse(readFileSync(out, 'utf8')) as { testResults: { assertionResults: Result[] }[] };
  return { ...ran, results: testResults[0].assertionResults };
}

describe('maskproof/vitest', () => {
  it('has a test for each property, passed or skipped with its reason', () => {
    const { status, stdout, results } = underVitest(
      'holds',
      `import { describeBackend } from 'maskproof/vitest';
import backend from ${JSON.stringify(join(root, 'examples', 'plain.ts'))};
describeBackend(backend, { runs: 5, seed: 1 });
`,
    );
    expect(results.map(({ title }) => title)).toEqual(properties.map(({ id }) => id));
    expect(new Set(results.flatMap(({ ancestorTitles }) => ancestorTitles))).toEqual(new Set(['maskproof: plain']));
    const statuses = new Map(results.map((result) => [result.title, result.status]));
    expect(statuses.get('padding/no-influence')).toBe('passed');
    expect(statuses.get('composition/softcap')).toBe('skipped');
    expect(stdout).toMatch(/composition\/softcap \d+ms \[does not declare a softcap\]/);
    expect([...statuses.values()]).not.toContain('failed');
    expect(status).toBe(0);
  });

  it('fails with the picture, in the file that describes the backend', () => {
    const { status, stderr, results } = underVitest(
      'fails',
      `import { properties } from ${JSON.stringify(join(root, 'properties'))};
import { describeBackend } from 'maskproof/vitest';
describeBackend(${JSON.stringify(join(root, 'examples', 'boolean-added.ts'))}, {
  title: 'the first bug',
  runs: 50,
  seed: 1,
  properties: properties.filter(({ id }) => id === 'forms/boolean-equals-additive'),
});
`,
    );
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ status: 'failed', ancestorTitles: ['the first bug'] });
    const [message] = results[0].failureMessages;
    expect(message).toMatch(/k0 k1\n +q0 {2}■ {2}◉/);
    expect(message).toContain('Again: npx maskproof replay --backend');
    expect(stderr).toMatch(/fails\.spec\.ts:3:1/);
    expect(status).toBe(1);
  });
});

describe('maskproof/node-test', () => {
  const underNode = (name: string, text: string) => {
    const file = join(folder, `${name}.cjs`);
    writeFileSync(file, text);
    const args = [
      '-r',
      join(root, 'node_modules', 'ts-node', 'register', 'transpile-only'),
      '--test-reporter=tap',
      '--test',
      file,
    ];
    return spawnSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...plain, NODE_TEST_CONTEXT: undefined },
    });
  };
  const imports = `const { describeBackend } = require(${JSON.stringify(join(root, 'src', 'node-test'))});
const { properties } = require(${JSON.stringify(join(root, 'properties'))});
`;

  it('has a test for each property, passed or skipped with its reason', () => {
    const { status, stdout } = underNode(
      'holds',
      `${imports}describeBackend(${JSON.stringify(join(root, 'examples', 'plain.ts'))}, { runs: 5, seed: 1 });\n`,
    );
    const names = Array.from(stdout.matchAll(/^\s+ok \d+ - (\S+\/\S+)(?: # SKIP (.*))?$/gm), ([, name, reason]) => [
      name,
      reason,
    ]);
    expect(names.map(([name]) => name)).toEqual(properties.map(({ id }) => id));
    expect(names).toContainEqual(['composition/softcap', 'does not declare a softcap']);
    expect(status).toBe(0);
  });

  it('fails with the picture', () => {
    const { status, stdout } = underNode(
      'fails',
      `${imports}describeBackend(${JSON.stringify(join(root, 'examples', 'boolean-added.ts'))}, { runs: 50, seed: 1, properties: properties.filter(({ id }) => id === 'forms/boolean-equals-additive') });\n`,
    );
    expect(stdout).toContain('not ok 1 - forms/boolean-equals-additive');
    expect(stdout).toContain('q0  ■  ◉');
    expect(status).toBe(1);
  });
});
