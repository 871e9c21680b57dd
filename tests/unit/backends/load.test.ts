import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src/backends/load';
import { BackendError, UsageError } from '../../../src/errors';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maskproof-load-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0]);
}

const load = (spec: string, check = true) => loadBackend(spec, { check });
const good = `import { defineBackend } from 'maskproof/backend';
export default defineBackend({ name: 'mine', supports: { maskRanks: [4] }, open: () => ({ attend: () => [] }) });`;

async function failure(spec: string, check = true): Promise<BackendError> {
  const error = await load(spec, check).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(BackendError);
  return error as BackendError;
}

describe('loadBackend', () => {
  it('takes an adapter in TypeScript from a folder without a package.json', async () => {
    expect((await load(write({ 'plain/a.ts': good }))).name).toBe('mine');
  });

  it('takes one from a package of ES modules with a tsconfig of its own, and its helpers with or without an extension', async () => {
    const file = write({
      'esm/a.ts': `import { name } from './helper.js';\nimport { supports } from './other';\nimport { defineBackend } from 'maskproof/backend';\nexport default defineBackend({ name, supports, open: () => ({ attend: () => [] }) });`,
      'esm/helper.ts': `export const name: string = 'from-esm';`,
      'esm/other.ts': `export const supports = {};`,
      'esm/package.json': '{ "type": "module" }',
      'esm/tsconfig.json': '{ "compilerOptions": { "module": "esnext", "target": "es5", "noEmit": true } }',
    });
    expect((await load(file)).name).toBe('from-esm');
  });

  it.each([
    ['module.exports', 'cjs/a.cjs', `module.exports = { name: 'cjs', supports: {}, open() {} };`],
    ['an ES module', 'mjs/a.mjs', `export default { name: 'mjs', supports: {}, open() {} };`],
    [
      'an ES module with a top-level await',
      'tla/a.mjs',
      `await null;\nexport default { name: 'tla', supports: {}, open() {} };`,
    ],
    ['a class', 'cls/a.cjs', `class B { name = 'cls'; supports = {}; open() {} }\nexports.default = new B();`],
  ])('takes %s', async (_, name, text) => {
    expect(typeof (await load(write({ [name]: text }))).open).toBe('function');
  });

  it('names what is missing, with what was found', async () => {
    const error = await failure(
      write({ 'bad/noopen.cjs': `module.exports = { name: 'x', supports: {}, attend() {} };` }),
    );
    expect(error.name).toBe('BackendShapeError');
    expect(error.message).toContain('does not export a backend: open is missing.\n  Found: { name, supports, attend }');
    expect(error.message).toContain('export default defineBackend({ name, supports, open })');
  });

  it.each([
    ['no default export', 'bad/none.ts', 'export const x = 1;', 'it has no default export.'],
    ['a number', 'bad/number.cjs', 'exports.default = 3;', 'its default export is 3.'],
    ['no name', 'bad/noname.cjs', 'module.exports = { supports: {}, open() {} };', 'name is missing.'],
    [
      'an unknown field',
      'bad/field.cjs',
      `module.exports = { name: 'x', supports: { maskRank: [2] }, open() {} };`,
      'supports.maskRank is not a field. Did you mean "maskRanks"?',
    ],
    [
      'a bad choice',
      'bad/choice.cjs',
      `module.exports = { name: 'x', supports: { causal: 'left' }, open() {} };`,
      'supports.causal is "left"; it is one of "none", "bottom_right", "top_left".',
    ],
  ])('refuses %s', async (_, name, text, message) => {
    expect((await failure(write({ [name]: text }))).message).toContain(message);
  });

  it('says that a file is missing, that it does not compile, that it throws', async () => {
    expect((await failure('./nowhere.ts')).message).toMatch(/^There is no file .\/nowhere.ts\.\n {2}Looked for \//);
    const typed = write({
      'bad/types.ts': `const n: number = 'text';\nexport default { name: String(n), supports: {}, open() {} };`,
    });
    expect(await failure(typed)).toMatchObject({ name: 'BackendTypeError', stage: 'load' });
    expect((await failure(typed)).message).toContain(`Type 'string' is not assignable to type 'number'`);
    const throws = write({ 'bad/throws.cjs': `throw new RangeError('no kernel');` });
    expect((await failure(throws)).message).toContain('could not be loaded: RangeError: no kernel');
  });

  it('offers the nearest built-in name', async () => {
    await expect(load('oracel')).rejects.toThrow('There is no backend "oracel". Did you mean "oracle"?');
    await expect(load('oracel')).rejects.toBeInstanceOf(UsageError);
  });
});
