import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCase, loadCounterexample } from '../../../src/corpus/load';
import { saveCounterexample } from '../../../src/corpus/save';
import { isForetold, loadKnownFailures, shippedKnownFailures, speaksOf } from '../../../src/known-failures';
import { caseToWire } from '../../../src/protocol/codec';
import { maskCase } from '../report/cases';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-'));
afterAll(() => rmSync(folder, { recursive: true }));
const written = (name: string, content: unknown): string => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
const found = {
  property: 'padding/no-influence',
  backend: 'broadcast-bug',
  versions: { kernel: '1.2.3' },
  seed: 3,
  path: '1:0',
  case: maskCase({ keep: [[1, 0]] }),
  after: [maskCase({ keep: [[1]] })],
};

describe('a counterexample file', () => {
  it('comes back as it was saved', () => {
    expect(loadCounterexample(saveCounterexample(folder, found))).toStrictEqual(found);
  });

  it('is named for what fails and not for when it was found', () => {
    const corpus = join(folder, 'corpus');
    const first = saveCounterexample(corpus, found);
    const text = readFileSync(first, 'utf8');
    expect(saveCounterexample(corpus, { ...found, seed: 9, path: '2' })).toBe(first);
    expect(saveCounterexample(corpus, { ...found, after: [] })).not.toBe(first);
    expect(readdirSync(corpus)).toHaveLength(2);
    expect(readFileSync(first, 'utf8')).toBe(text);
    expect(text).toContain(
      '"query": {\n      "dtype": "float32",\n      "shape": [1, 1, 1, 1],\n      "data": [1]\n    }',
    );
  });

  it('is refused with what is wrong with it', () => {
    expect(() => loadCounterexample(join(folder, 'none.json'))).toThrow(/^The case file .*none\.json does not exist\./);
    expect(() => loadCounterexample(folder)).toThrow(/cannot be read: EISDIR/);
    expect(() => loadCounterexample(written('broken.json', '{'))).toThrow(/is no JSON/);
    expect(() => loadCounterexample(written('other.json', { schema: 'x' }))).toThrow(
      /its schema is "x", not "maskproof\/counterexample@2"/,
    );
    expect(() => loadCounterexample(written('null.json', 'null'))).toThrow(/is no counterexample file/);
    const half = { ...caseToWire(found.case), value: undefined };
    const saved = { schema: 'maskproof/counterexample@1', property: 'a/b', backend: 'c', case: half };
    expect(() => loadCounterexample(written('half.json', saved))).toThrow(/case\.value is missing\./);
    const tall = { ...saved, case: { ...half, value: { dtype: 'float32', shape: [1, 1, 3, 1], data: [1, 1, 1] } } };
    expect(() => loadCounterexample(written('tall.json', tall))).toThrow(/holds no case that can be sent/);
  });

  it('may be a bare case where it is to be shrunk', () => {
    expect(loadCase(written('bare.json', caseToWire(found.case)))).toStrictEqual({ case: found.case, after: [] });
  });
});

describe('a file of known failures', () => {
  const file = (name: string, ...failures: unknown[]) =>
    written(name, { schema: 'maskproof/known-failures@1', failures });
  const entry = { property: 'padding/*', backend: 'broadcast-bug', reason: 'reported' };

  it('speaks of a property, a backend and its versions', () => {
    const [known] = loadKnownFailures(file('known.json', { ...entry, versions: { kernel: '>=1.2 <2' } }));
    const on = (kernel?: string) => {
      const versions: Record<string, string> = kernel === undefined ? {} : { kernel };
      return { name: 'broadcast-bug', versions };
    };
    expect(speaksOf(known, 'padding/no-influence', on('1.2.3'))).toBe(true);
    expect(speaksOf(known, 'padding/no-influence', on('1.3.0+cu126'))).toBe(true);
    expect(speaksOf(known, 'padding/no-influence', on('1.4.0.dev20260101'))).toBe(true);
    expect(speaksOf(known, 'padding/no-influence', on('2.0.0'))).toBe(false);
    expect(speaksOf(known, 'padding/no-influence', on())).toBe(false);
    expect(speaksOf(known, 'forms/x', on('1.2.3'))).toBe(false);
    expect(speaksOf(known, 'padding/no-influence', { name: 'other' })).toBe(false);
  });

  it('comes with maskproof for the built-in backends, with versions, and with a case or the facets that they speak of', () => {
    const shipped = shippedKnownFailures();
    expect(shipped.length).toBeGreaterThan(0);
    for (const { versions, when, case: c } of shipped) {
      expect(versions).toBeDefined();
      expect(c ?? when).toBeDefined();
    }
  });

  it('may speak of some cases only', () => {
    const [known] = loadKnownFailures(file('when.json', { ...entry, when: { dtype: 'float16' } }));
    expect(isForetold(known, { dtype: 'float16', mask_rank: '2' })).toBe(true);
    expect(isForetold(known, { dtype: 'float32' })).toBe(false);
    expect(isForetold(known, {})).toBe(false);
  });

  it('holds cases, inline or beside it', () => {
    const saved = saveCounterexample(folder, found);
    const [inline, beside] = loadKnownFailures(
      file(
        'cases.json',
        { ...entry, case: caseToWire(found.case) },
        { ...entry, case: saved.slice(folder.length + 1) },
      ),
    );
    expect(inline.case).toStrictEqual(found.case);
    expect(beside).toMatchObject({ case: found.case, after: found.after });
  });

  it.each<[unknown, RegExp]>([
    [{ ...entry, case: '../x.json' }, /names a case outside its own folder/],
    [{ ...entry, case: '/etc/passwd' }, /names a case outside its own folder/],
    [{ ...entry, reason: '' }, /failures\[0\]\.reason is ""; it is text/],
    [{ ...entry, version: '1' }, /failures\[0\]\.version is no field/],
    [{ ...entry, versions: { torch: 'new' } }, /failures\[0\]\.versions\.torch is "new"; it is a semver range/],
    [{ ...entry, case: {} }, /failures\[0\]\.case\.query is missing/],
    [3, /failures\[0\] is no object/],
  ])('is refused with %o in it', (odd, sentence) => {
    expect(() => loadKnownFailures(file('odd.json', odd))).toThrow(sentence);
  });
});
