import fc from 'fast-check';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import type { AttentionCase, FloatType } from '../../../reference/case';
import { expectationOf, RowState } from '../../../reference/expectation';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import type { Backend, BackendAnswer, BackendSession, ResolvedSupports } from '../../../src/backend';
import { builtinBackend, builtinNames, builtins } from '../../../src/backends/builtin';
import { BackendError } from '../../../src/errors';
import { domainOf, precisionOf, resolveSupports, supportsProblem } from '../../../src/supports';

const subjects = [
  { name: 'tfjs-tensorflow', runs: 500 },
  // Every shape is a launch of its own there, and most are computed in software.
  { name: 'tfjs-webgpu', runs: 8 },
  { name: 'tfjs-wasm', runs: 500 },
  { name: 'tfjs-cpu', runs: 150 },
  { name: 'onnxruntime', runs: 500 },
  { name: 'onnxruntime-mha', runs: 500 },
  { name: 'onnxruntime-webgpu', runs: 40 },
];

/** The backend of that name, or the test skipped with the reason why it does not load here: those that are run only when they are named need a set-up. */
async function backendHere(name: string, { skip }: Pick<TestContext, 'skip'>): Promise<Backend> {
  try {
    return await builtinBackend(name);
  } catch (error) {
    const lacksSetUp = error instanceof BackendError && ['missing_package', 'no_device'].includes(error.code);
    if (!lacksSetUp || builtins[name].whenNamed === undefined) throw error;
    return skip(error.message);
  }
}

describe('the built-in backends', () => {
  it.for(builtinNames)('%s has a name, a line, and declares nothing that does not exist', async (name, test) => {
    const backend = await backendHere(name, test);
    expect(backend.name).toBe(name);
    expect(builtins[name].description).toMatch(/^[^\n]+\.$/);
    expect(supportsProblem(backend.supports)).toBeUndefined();
    expect(Object.values(backend.versions ?? {})).not.toHaveLength(0);
  });
});

describe.each(subjects)('$name', ({ name, runs }) => {
  let opened: { readonly supports: ResolvedSupports; readonly session: BackendSession } | undefined;
  const here = async (test: TestContext) => {
    if (opened !== undefined) return opened;
    const backend = await backendHere(name, test);
    return (opened = { supports: resolveSupports(backend.supports), session: await backend.open() });
  };
  afterAll(() => opened?.session.close?.());

  it.for<FloatType>(['float32', 'float64', 'float16', 'bfloat16'])(
    'answers %s cases within the radius of what it declares, in every row that keeps a key',
    async (dtype, test) => {
      const { supports, session } = await here(test);
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

  it('answers the same twice, bit for bit, whatever was asked in between', async (test) => {
    const { supports, session } = await here(test);
    const cases = fc.sample(attentionCase(domainOf(supports)), { numRuns: Math.min(runs, 60), seed: 12 });
    const once = await session.attend(cases);
    await session.attend(cases.toReversed());
    const again = [];
    for (const c of cases) again.push(...(await session.attend([c])));
    expect(again).toEqual(once);
  });

  it('answers a mask that is shorter than the keys with an error of that case', async (test) => {
    const { supports, session } = await here(test);
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

  it('leaves the tensors of a case as they were', async (test) => {
    const { supports, session } = await here(test);
    const cases = fc.sample(attentionCase(domainOf(supports)), { numRuns: Math.min(runs, 60), seed: 14 });
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
