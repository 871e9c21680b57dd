import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttentionCase, FloatType } from '../../../reference/case';
import { expectationOf, RowState } from '../../../reference/expectation';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import type { Backend, BackendAnswer, BackendSession, ResolvedSupports } from '../../../src/backend';
import { builtinBackend, builtinNames, builtins } from '../../../src/backends/builtin';
import { domainOf, precisionOf, resolveSupports, supportsProblem } from '../../../src/supports';

const subjects = [
  { name: 'tfjs-wasm', runs: 500 },
  { name: 'tfjs-cpu', runs: 150 },
  { name: 'onnxruntime', runs: 500 },
  { name: 'onnxruntime-mha', runs: 500 },
];

describe('the built-in backends', () => {
  it('have a name, a line each, and declare nothing that does not exist', async () => {
    for (const name of builtinNames) {
      const backend = await builtinBackend(name);
      expect(backend.name).toBe(name);
      expect(builtins[name].description).toMatch(/^[^\n]+\.$/);
      expect(supportsProblem(backend.supports)).toBeUndefined();
      expect(Object.values(backend.versions ?? {})).not.toHaveLength(0);
    }
  });
});

describe.each(subjects)('$name', ({ name, runs }) => {
  let backend: Backend;
  let supports: ResolvedSupports;
  let session: BackendSession;
  beforeAll(async () => {
    backend = await builtinBackend(name);
    supports = resolveSupports(backend.supports);
    session = await backend.open();
  });
  afterAll(() => session.close?.());

  it.each<FloatType>(['float32', 'float64', 'float16', 'bfloat16'])(
    'answers %s cases within the radius of what it declares, in every row that keeps a key',
    async (dtype) => {
      if (!supports.dtypes.includes(dtype)) return;
      const want = { weights: supports.returns.includes('weights'), scores: supports.returns.includes('scores') };
      const cases = fc.sample(attentionCase({ ...domainOf(supports), dtypes: [dtype], want }), {
        numRuns: runs,
        seed: 11,
      });
      const answers = await session.attend(cases);
      expect(cases.flatMap((c, n) => outside(c, answers[n], supports))).toEqual([]);
    },
  );

  it('answers the same twice, bit for bit, whatever was asked in between', async () => {
    const cases = fc.sample(attentionCase(domainOf(supports)), { numRuns: 60, seed: 12 });
    const once = await session.attend(cases);
    await session.attend(cases.toReversed());
    const again = [];
    for (const c of cases) again.push(...(await session.attend([c])));
    expect(again).toEqual(once);
  });

  it('answers a mask that is shorter than the keys with an error of that case', async () => {
    const [c] = fc.sample(
      attentionCase({
        ...domainOf(supports),
        dtypes: ['float32'],
        maskRanks: [2],
        maskForms: ['boolean'],
        minKvLen: 3,
      }),
      { numRuns: 1, seed: 13 },
    );
    const [batch, columns] = c.mask?.tensor.shape ?? [];
    const tensor = {
      dtype: 'bool',
      shape: [batch, columns - 1],
      data: new Uint8Array(batch * (columns - 1)).fill(1),
    } as const;
    const [short, whole] = await session.attend([{ ...c, mask: { rank: 2, form: 'boolean', tensor } }, c]);
    expect(short).toHaveProperty('error.message');
    expect(whole).toHaveProperty('output');
  });

  it('leaves the tensors of a case as they were', async () => {
    const cases = fc.sample(attentionCase(domainOf(supports)), { numRuns: 60, seed: 14 });
    const before = structuredClone(cases);
    await session.attend(cases);
    expect(cases).toEqual(before);
  });
});

/** What an answer has outside of what the oracle allows, in rows that keep a key; sentinels are for the properties to judge. */
function outside(c: AttentionCase, answer: BackendAnswer, supports: ResolvedSupports): readonly string[] {
  if ('error' in answer) return [answer.error.message];
  const due = expectationOf(c, supports, precisionOf(supports, c.query.dtype));
  return (['output', 'weights', 'scores'] as const).flatMap((what) => {
    const data = answer[what]?.data;
    if (data === undefined) return [];
    const { low, high } = due[what];
    if (data.length !== low.length) return [`${what} has ${data.length} numbers, not ${low.length}`];
    const width = data.length / due.rows.length;
    return Array.from(data, (x, n) => {
      const claims = due.rows[Math.floor(n / width)] === RowState.ok && (what !== 'scores' || due.keep[n] === 1);
      return claims && !(x >= low[n] && x <= high[n]) ? `${what}[${n}] is ${x}, not in ${low[n]} .. ${high[n]}` : '';
    }).filter((text) => text !== '');
  });
}
