import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttentionCase, sizesOf } from '../../../reference/case';
import { type Expectation, expectationOf, RowState } from '../../../reference/expectation';
import { engineEntry, engines, type Engine } from '../../../reference/gpu/engines';
import { expectPacked } from '../../../reference/gpu/expect';
import { referenceConventions } from '../../../reference/gpu/packing';
import { type Precision } from '../../../reference/precision';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { contentKinds } from '../../../src/arbitraries/constraints';
import { domainOf, precisionOf, resolveSupports } from '../../../src/supports';
import { cutToTF32, emulated, flush, toTF32 } from './emulated';
import { atMost, engineHere } from './here';

const parts = ['output', 'weights', 'scores'] as const;
const { precision } = engineEntry('cpu');
/** All that a case can say, computed as the engine cpu does. */
const supports = resolveSupports({
  ...referenceConventions,
  bridges: ['base', 'rotary'],
  dtypes: ['float32', 'float16', 'bfloat16'],
  maskRanks: [2, 3, 4],
  maskForms: ['boolean', 'additive', 'integer'],
  bidirectional: true,
  groupedHeads: true,
  cache: true,
  crossLength: true,
  valueDim: true,
  scale: true,
  slidingWindow: true,
  segments: true,
  softcap: true,
  precision: {
    float32: precision,
    float16: { ...precision, output: 'float16' },
    bfloat16: { ...precision, output: 'bfloat16' },
  },
});
type DType = AttentionCase['query']['dtype'];
const judged = { conventions: supports, precisionOf: (dtype: DType) => precisionOf(supports, dtype) };

/** The expectation of cases by an engine, beside the oracle's, for a backend that computes like the engine cpu. */
async function both(engine: Engine, cases: readonly AttentionCase[]) {
  const given = await expectPacked(engine, cases, judged);
  return cases.map((c, n) => ({
    c,
    given: given[n],
    due: expectationOf(c, supports, precisionOf(supports, c.query.dtype)),
  }));
}

function draw(numRuns: number, seed: number, more: object = {}): AttentionCase[] {
  const domain = { ...domainOf(supports), want: { weights: true, scores: true }, ...more };
  return fc.sample(attentionCase(domain), { numRuns, seed });
}

/** Where an interval does not hold what the oracle allows; the oracle's own rounding in float64 set aside. */
function outside(c: AttentionCase, given: Expectation, due: Expectation): string[] {
  const { kvLen } = sizesOf(c);
  const misses: string[] = [];
  const own = (kvLen + 8) * 2 ** -53;
  const room = {
    output: own * c.value.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
    weights: own,
    scores: 0,
  };
  due.rows.forEach((state, row) => {
    if (state === RowState.outOfRange) return;
    if (given.rows[row] !== state) misses.push(`row ${row} is ${given.rows[row]}, not ${state}`);
    for (const what of parts) {
      const { low, high } = due[what];
      const width = low.length / due.rows.length;
      for (let n = row * width; n < (row + 1) * width; n++) {
        const isNaNDue = Number.isNaN(low[n]);
        const holds = isNaNDue
          ? Number.isNaN(given[what].low[n])
          : given[what].low[n] <= low[n] + room[what] && given[what].high[n] >= high[n] - room[what];
        if (!holds)
          misses.push(`${what}[${n}] ${given[what].low[n]} .. ${given[what].high[n]} in ${low[n]} .. ${high[n]}`);
      }
    }
  });
  if (!due.keep.every((kept, n) => kept === given.keep[n])) misses.push('keep');
  return misses;
}

describe.each(engines)('the expectation out of a launch of $name', (entry) => {
  it.for(contentKinds)('holds everything that the oracle allows, for contents that are %s', async (kind, test) => {
    const engine = await engineHere(entry, test);
    const cases = await both(engine, draw(atMost(250, engine), 7, { contents: [kind] }));
    expect(cases.flatMap(({ c, given, due }) => (given ? outside(c, given, due) : []))).toEqual([]);
    const claimed = cases.filter(({ given }) => given !== undefined).length;
    expect(claimed).toBeGreaterThan(cases.length * 0.97);
  });

  it('is nearly as sharp as the two radii that it stands for', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = draw(atMost(300, engine), 8, { dtypes: ['float32'], contents: ['exact', 'normal', 'ties'] });
    const ratios = (await both(engine, cases)).flatMap(({ c, given, due }) => {
      const own = expectationOf(c, supports, engine.precision).output.radius;
      return Array.from(due.output.radius, (radius, n) =>
        given && due.rows[Math.floor(n / c.value.shape[3])] === RowState.ok && radius > 0
          ? given.output.radius[n] / (radius + own[n])
          : NaN,
      ).filter((ratio) => !Number.isNaN(ratio));
    });
    ratios.sort((a, b) => a - b);
    expect(ratios.length).toBeGreaterThan(1000);
    expect(ratios[Math.floor(ratios.length * 0.5)]).toBeLessThan(1.15);
    expect(ratios[Math.floor(ratios.length * 0.99)]).toBeLessThan(3);
  });

  it('is the same, bit for bit, alone and among others', async (test) => {
    const engine = await engineHere(entry, test);
    const cases = draw(atMost(60, engine), 9);
    const together = await expectPacked(engine, cases, judged);
    const alone = [];
    for (const c of cases) alone.push(...(await expectPacked(engine, [c], judged)));
    expect(alone).toEqual(together);
  });

  it('keeps no tensors', async (test) => {
    const engine = await engineHere(entry, test);
    const before = engine.tf.memory().numTensors;
    await both(engine, draw(20, 10));
    expect(engine.tf.memory().numTensors).toBe(before);
  });
});

describe('a reference makes no claim', () => {
  const [c] = draw(1, 11, { dtypes: ['float32'], contents: ['normal'] });
  const wide = (tensor: AttentionCase['query']) => ({ ...tensor, dtype: 'float64' }) as const;
  const poisoned = { ...c.value, data: c.value.data.map((v, n) => (n === 0 ? NaN : v)) };

  it.for<readonly [string, AttentionCase, Partial<Precision>]>([
    ['about float64', { ...c, query: wide(c.query), key: wide(c.key), value: wide(c.value) }, {}],
    ['where an input is NaN', { ...c, value: poisoned }, {}],
    ['where roundings are followed', c, { weights: { type: 'float16', sure: true, normalised: true, inSum: false } }],
    ['where exp2 is fused', c, { fusedExp2: 1 }],
    ['about gradients', { ...c, want: { gradients: true }, gradOutput: c.value }, {}],
  ])('%s', async ([, asked, more]) => {
    const engine = await engineEntry('cpu').load();
    const precisionOfIt = (dtype: DType) => ({ ...precisionOf(supports, dtype), ...more });
    expect(await expectPacked(engine, [asked], { ...judged, precisionOf: precisionOfIt })).toEqual([undefined]);
    expect(await expectPacked(engine, [c], judged)).toEqual([
      expect.objectContaining({ rows: expect.any(Uint8Array) as Uint8Array }),
    ]);
  });
});

describe('a device with other habits', () => {
  const devices: readonly (readonly [string, Parameters<typeof emulated>[1], Partial<Precision>])[] = [
    ['TF32, rounded', { operand: toTF32 }, { inputs: { relative: 2 ** -11, tiny: 2 ** -126 } }],
    ['TF32, cut off', { operand: cutToTF32 }, { inputs: { relative: 2 ** -10, tiny: 2 ** -126 } }],
    [
      'flush to zero',
      { everywhere: flush },
      { accumulate: { type: 'float32', flush: true }, exp: { relative: 2 ** -23, tiny: 2 ** -126 } },
    ],
    [
      'flush to zero and TF32',
      { everywhere: flush, operand: toTF32 },
      {
        accumulate: { type: 'float32', flush: true },
        exp: { relative: 2 ** -23, tiny: 2 ** -126 },
        inputs: { relative: 2 ** -11, tiny: 2 ** -126 },
      },
    ],
  ];

  it.for(devices)('%s: is covered where it is declared, and shows where it is not', async ([, habits, declared]) => {
    const cpu = await engineEntry('cpu').load();
    const cases = draw(120, 12, { contents: ['normal', 'denormal', 'large'] });
    const held = await both(emulated(cpu, habits, { ...cpu.precision, ...declared }), cases);
    expect(held.flatMap(({ c, given, due }) => (given ? outside(c, given, due) : []))).toEqual([]);
    expect(held.filter(({ given }) => given !== undefined).length).toBeGreaterThan(60);
    const undeclared = await both(emulated(cpu, habits, cpu.precision), cases);
    expect(undeclared.flatMap(({ c, given, due }) => (given ? outside(c, given, due) : []))).not.toEqual([]);
  });
});
