/** Every law's counterexample as a test for vitest and for PyTorch: it fails on what the law caught, and passes on the definition. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { properties } from '../../properties';
import type { AttentionCase } from '../../reference/case';
import { claimsOf } from '../../src/export/claims';
import { isAttentionProperty } from '../../src/property';
import { slug } from '../../src/export/naming';
import { pytestFile } from '../../src/export/pytest';
import { vitestFile } from '../../src/export/vitest';
import { resolveSupports } from '../../src/supports';
import { mutants } from '../mutants';
import { check } from '../support/check';
import { pythonWith } from '../workers/support';

const root = join(__dirname, '..', '..');
/** One mutant a law: the first that names it. */
const caught = properties.filter(isAttentionProperty).flatMap((property) => {
  const mutant = mutants.find(({ catches }) => catches.includes(property.id));
  return mutant === undefined ? [] : [{ property, mutant }];
});
const folder = mkdtempSync(join(tmpdir(), 'maskproof-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  for (const name of ['broken', 'definition', 'torch']) mkdirSync(join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  for (const { property, mutant } of caught) {
    const { counterexample } = await check(mutant.backend, property, { runs: 1000, shrinkMs: 5000 });
    if (counterexample === undefined) throw new Error(`${mutant.name} got past ${property.id}.`);
    const { violation } = counterexample;
    const saved = {
      property: property.id,
      backend: mutant.name,
      versions: {},
      case: counterexample.case as AttentionCase,
      after: counterexample.after as AttentionCase[],
      violation,
    };
    const claims = await claimsOf(saved, property, resolveSupports(mutant.backend.supports));
    const name = slug(property.id, '-');
    writeFileSync(join(folder, 'broken', `${name}.test.ts`), vitestFile(saved, claims, `./${name}.backend`));
    writeFileSync(
      join(folder, 'broken', `${name}.backend.ts`),
      `import { mutants } from ${JSON.stringify(join(root, 'tests', 'mutants'))};\nexport default mutants.find(({ name }) => name === ${JSON.stringify(mutant.name)})!.backend;\n`,
    );
    writeFileSync(join(folder, 'definition', `${name}.test.ts`), vitestFile(saved, claims));
    writeFileSync(join(folder, 'torch', `test_${slug(property.id, '_')}.py`), pytestFile(saved, claims));
  }
}, 300_000);

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Runs the files of a folder with this checkout's vitest: what became of the one test of each. */
function runVitest(name: string) {
  const out = join(folder, `${name}.json`);
  const config = join(folder, 'vitest.config.mjs');
  writeFileSync(config, 'export default { test: { maxWorkers: 1, isolate: false } };\n');
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      name,
      '--root',
      folder,
      '--config',
      config,
      '--reporter=json',
      `--outputFile=${out}`,
    ],
    { encoding: 'utf8', cwd: folder },
  );
  const { testResults } = JSON.parse(readFileSync(out, 'utf8')) as VitestReport;
  return {
    status,
    tests: testResults.map(
      ({ message, assertionResults: [test] }) => test ?? { status: message, title: '', failureMessages: [] },
    ),
  };
}

describe('for vitest', () => {
  it('fails on each backend that the law caught, in the words of the law', () => {
    const { status, tests } = runVitest('broken');
    expect(status).toBe(1);
    expect(tests).toHaveLength(caught.length);
    for (const test of tests) {
      expect(test).toMatchObject({ status: 'failed' });
      expect(test.failureMessages[0]).toContain(test.title);
    }
  });

  it('passes on the definition, which stands in its slot', () => {
    const { status, tests } = runVitest('definition');
    expect(tests.filter((test) => test.status !== 'passed')).toEqual([]);
    expect(tests).toHaveLength(caught.length);
    expect(status).toBe(0);
  });
});

const python = pythonWith('torch');
/** Each file as `python FILE` would run it, in one process: PyTorch takes seconds to load. */
const runner = `
import pathlib, runpy, sys
for file in sorted(pathlib.Path(sys.argv[1]).glob("test_*.py")):
    try:
        runpy.run_path(str(file), run_name="__main__")
    except AssertionError as error:
        print(f"{file.name} FAILED: {error}")
`;

describe.skipIf(python === undefined)('for pytest (npm run setup:python -- torch)', () => {
  it('passes on PyTorch, which stands in its slot', () => {
    const { stdout, stderr } = spawnSync(python ?? '', ['-c', runner, join(folder, 'torch')], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n').sort()).toEqual(caught.map(({ property }) => `${property.id} holds.`).sort());
  });

  it('fails on each backend that the law caught, in the words of the law', () => {
    const server = `${process.execPath} -r ts-node/register/transpile-only ${join(__dirname, 'mutant-server.ts')}`;
    const files = caught.map(
      ({ property, mutant }) => `${join(folder, 'torch', `test_${slug(property.id, '_')}.py`)}=${mutant.name}`,
    );
    const { stdout, stderr } = spawnSync(python ?? '', [join(__dirname, 'as_mutant.py'), server, ...files], {
      encoding: 'utf8',
      cwd: root,
    });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(
      caught.map(({ property, mutant }) => `${mutant.name}: failed: ${property.id}: ${property.statement}`),
    );
  });

  it('fails by itself where its slot is filled in the file', () => {
    const file = join(folder, 'test_filled.py');
    const text = readFileSync(join(folder, 'torch', 'test_forms_boolean_equals_additive.py'), 'utf8');
    const wrong = 'return (query @ key.mT * query.shape[-1] ** -0.5 + mask).softmax(-1) @ value';
    writeFileSync(file, text.replace(/(def attention\([^)]*\):\n {4})/, `$1${wrong}\n    `));
    const { status, stderr } = spawnSync(python ?? '', [file], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/AssertionError: forms\/boolean-equals-additive: A boolean mask and the additive mask/);
  });
});

const pytest = pythonWith('torch', 'pytest');
describe.skipIf(pytest === undefined)('with pytest itself (npm run setup:python -- torch pytest)', () => {
  it('runs every file as one test', () => {
    const { status, stdout } = spawnSync(
      pytest ?? '',
      ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', join(folder, 'torch')],
      { encoding: 'utf8' },
    );
    expect(stdout).toContain(`${caught.length} passed`);
    expect(status).toBe(0);
  });
});
