/** maskproof export as a command, on files of every version. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadCounterexample } from '../../src/corpus/load';
import { example, maskproof, root } from '../cli/run';

const formats = join(root, 'tests', 'fixtures', 'formats');
const saved = join(formats, 'counterexample-2.json');
const buggy = example('boolean-added.ts');
const folder = mkdtempSync(join(tmpdir(), 'maskproof-export-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('writes a file for pytest, named for the case', async () => {
  const { code, stdout } = await maskproof(['export', saved, '--to', 'pytest'], { cwd: folder });
  expect(stdout).toBe('Wrote test_forms_boolean_equals_additive_3b65097921d1.py\n');
  expect(code).toBe(0);
  expect(readdirSync(folder)).toContain('test_forms_boolean_equals_additive_3b65097921d1.py');
});

it('shows the finding, the slot and what is due', async () => {
  const { stdout } = await maskproof(['export', saved, '--to', 'pytest', '--output', '-']);
  expect(stdout.replace(/Written by maskproof .*/, 'Written by maskproof VERSION.')).toMatchSnapshot();
});

it('says where a file of an older version leaves open what its case means', async () => {
  const old = join(formats, 'counterexample-1.json');
  const args = ['export', old, '--to', 'pytest', '--output', '-'];
  const [without, asked, now] = await Promise.all([
    maskproof(args),
    maskproof([...args, '--backend', buggy, '--no-check']),
    maskproof(['export', saved, '--to', 'pytest', '--output', '-']),
  ]);
  expect(without.stderr).toMatch(/^The file does not say what "boolean-added" declares/);
  expect(asked.stderr).toBe('');
  const body = (text: string) => text.slice(text.indexOf('import torch'));
  expect(body(asked.stdout)).toBe(body(now.stdout));
});

it('writes a file for vitest that calls the adapter, and fails on it', async () => {
  const { code } = await maskproof([
    'export',
    saved,
    '--to',
    'vitest',
    '--backend',
    buggy,
    '--no-check',
    '--output',
    `${folder}/bug.test.ts`,
  ]);
  expect(code).toBe(0);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default { resolve: { alias: { 'maskproof/backend': ${JSON.stringify(join(root, 'src', 'backend.ts'))} } } };\n`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'bug.test.ts'],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    },
  );
  expect(status).toBe(1);
  expect(stdout).toContain('forms/boolean-equals-additive: A boolean mask and the additive mask of the same cells');
  expect(stderr).toMatch(/output of call 1, b=0 h=0 q=0, is \[0\.2689/);
});

it('writes tensors that replay as the file did', async () => {
  const file = join(folder, 'case.safetensors');
  expect((await maskproof(['export', saved, '--to', 'safetensors', '--output', file])).code).toBe(0);
  expect(loadCounterexample(file)).toStrictEqual(loadCounterexample(saved));
  const [before, after] = await Promise.all(
    [saved, file].map((each) => maskproof(['replay', each, '--backend', buggy, '--no-check'])),
  );
  expect([before.code, after.code]).toEqual([1, 1]);
  expect(after.stdout.replaceAll(file, 'FILE')).toBe(before.stdout.replaceAll(saved, 'FILE'));
});

it.each<[string, string[], RegExp]>([
  [
    'an unknown target',
    ['--to', 'junit'],
    /--to <target>' argument 'junit' is invalid\. Allowed choices are pytest, vitest, safetensors/,
  ],
  ['no target', [], /export needs .*--to/],
  [
    'tensors on standard output',
    ['--to', 'safetensors', '--output', '-'],
    /A \.safetensors file is no text for standard output/,
  ],
  [
    'a folder that is not there',
    ['--to', 'pytest', '--output', '/nowhere/x.py'],
    /\/nowhere\/x\.py cannot be written: ENOENT/,
  ],
  ['a file that says something else', ['--to', 'pytest', '--output', saved], /exists already, with other contents/],
])('refuses %s', async (_what, args, sentence) => {
  const { code, stderr } = await maskproof(['export', saved, ...args]);
  expect(stderr).toMatch(sentence);
  expect(code).toBe(2);
});
