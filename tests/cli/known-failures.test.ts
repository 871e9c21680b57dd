/** A file of known failures in runs: what matches, what does not, and what is over. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { caseToWire } from '../../src/protocol/codec';
import { loadCounterexample } from '../../src/corpus/load';
import { example, maskproof, root } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-known-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { case: c } = loadCounterexample(join(root, 'tests', 'fixtures', 'formats', 'counterexample-2.json'));

async function fuzz(...failures: object[]) {
  const file = join(folder, 'known.json');
  writeFileSync(
    file,
    JSON.stringify({
      schema: 'maskproof/known-failures@1',
      failures: failures.map((entry, n) => ({ reason: `reason ${n}`, ...entry })),
    }),
  );
  const args = ['fuzz', '--backend', example('boolean-added.ts'), '--no-check', '--seed', '1', '--runs', '20'];
  const { code, stdout } = await maskproof([
    ...args,
    '--property',
    'forms/boolean-equals-additive',
    '--property',
    'rows/mass',
    '--known-failures',
    file,
  ]);
  const told = stdout
    .split('\n')
    .flatMap((line) => (line.startsWith(`${file}: `) ? [line.slice(file.length + 2)] : []));
  return { code, stdout, told };
}
const backend = 'boolean-added';

it('names the nearest thing to an entry that matches nothing', async () => {
  const { told, code } = await fuzz(
    { property: 'forms/boolean-equals-aditive', backend },
    { property: 'rows/*', backend: 'boolean-aded' },
    { property: 'rows/*', backend: 'onnxruntime' },
    { property: 'rows/*', backend, versions: { torch: '<2.6' } },
    { property: 'rows/*', backend, when: { mask_from: 'boolean' } },
    { property: 'rows/*', backend, when: { mask_form: 'bool' } },
    { property: 'numerics/*', backend },
  );
  expect(told).toEqual([
    'failures[0] matches nothing: there is no property "forms/boolean-equals-aditive". Did you mean "forms/boolean-equals-additive"?',
    'failures[1] matches nothing: there is no backend "boolean-aded" in this run. Did you mean "boolean-added"?',
    'failures[3] matches nothing: boolean-added tells no version of "torch".',
    'failures[4] matches nothing: cases have no "mask_from". Did you mean "mask_form"?',
    'failures[5] matches nothing: mask_form is never "bool". It is one of none, boolean, additive, integer.',
    'What it says of "onnxruntime" is not asked here: no such backend is in this run.',
  ]);
  expect(code).toBe(1);
});

it('tells what did not come up, and the finding that is nearest', async () => {
  const { told, code } = await fuzz(
    { property: 'forms/*', backend, when: { mask_form: 'additive', mask_rank: '4' } },
    { property: 'rows/mass', backend },
  );
  expect(told).toEqual([
    'failures[0] (forms/* on boolean-added) did not come up in 1 case. The nearest is the finding of forms/boolean-equals-additive: mask_form is boolean there, not additive.',
    'failures[1] (rows/mass on boolean-added) did not come up in 20 cases.',
  ]);
  expect(code).toBe(1);
});

it('says nothing of what came up, and does not fail for it', async () => {
  const { told, code } = await fuzz({ property: 'forms/*', backend, when: { mask_form: 'boolean' } });
  expect(told).toEqual([]);
  expect(code).toBe(0);
});

it('tells a case that means nothing any more', async () => {
  const { told } = await fuzz({
    property: 'forms/boolean-equals-additive',
    backend,
    case: caseToWire({ ...c, softcap: 2 }),
  });
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(
    /^failures\[0\]: its case means nothing to forms\/boolean-equals-additive on boolean-added any more: .*softcap/,
  );
});

it('goes on beside the case of a pattern, and counts it where it fails', async () => {
  const entry = { property: '*', backend, when: { mask_form: 'boolean', mask_rank: '4' }, case: caseToWire(c) };
  const { stdout, told, code } = await fuzz(entry);
  expect(stdout).toContain('1 held, 1 violated, 1 of them known, 0 skipped; 20 cases');
  expect(told).toEqual([]);
  expect(code).toBe(0);
});

it('tells the case of a pattern that fails nothing', async () => {
  const { told } = await fuzz({ property: 'rows/*', backend, when: { mask_rank: '2' }, case: caseToWire(c) });
  expect(told).toEqual(['failures[0] (rows/* on boolean-added) did not come up in 20 cases.']);
});

it('fails for one that holds now', async () => {
  const held = { property: 'rows/mass', backend, case: caseToWire(c) };
  const { stdout, code } = await fuzz(
    { property: 'forms/boolean-equals-additive', backend, case: caseToWire(c) },
    held,
  );
  expect(stdout).toContain('rows/mass: known to fail, holds now');
  expect(stdout).toContain('rows/mass on boolean-added is listed as a known failure and holds now: reason 1');
  expect(code).toBe(1);
});
