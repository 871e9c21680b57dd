import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttentionCase, Tensor } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo, round } from '../../../reference/dtype';
import { admits, attentionCase, attentionMask, sizeOf, sizes } from '../../../src/arbitraries';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { isSmaller } from '../../../src/arbitraries/shrink/measure';
import { shrinkCase } from '../../../src/arbitraries/shrink/shrink-case';

const domains: Readonly<Record<string, CaseConstraints>> = {
  everything: {},
  'a torch-like kernel': {
    dtypes: ['float32'],
    bridges: ['base'],
    maskRanks: ['none', 4],
    maskForms: ['boolean', 'additive'],
    causal: 'top_left',
    isCausal: [true, false],
    segments: 'never',
    slidingWindow: 'never',
  },
  'decoders only, no cache': { isCausal: [true], cache: 'never', crossLength: 'never' },
  'a cache in every case': { cache: 'always' },
  'cross attention': { crossLength: 'always' },
  'no empty rows': { emptyRows: 'never' },
  'no empty rows, top left': { emptyRows: 'never', causal: 'top_left' },
  'empty rows in every case': { emptyRows: 'always' },
  'biases in every case': { bias: 'always' },
  'over-long masks': { overlongKeys: 'allow', overlongRows: 'allow' },
  'over-long masks without empty rows': { overlongKeys: 'always', overlongRows: 'always', emptyRows: 'never' },
  'broadcast in every case': { broadcast: 'always' },
  'grouped heads and value dims in every case': { groupedHeads: 'always', valueDim: 'always' },
  'rotary, windows and segments in every case': {
    bridges: ['rotary'],
    slidingWindow: 'always',
    segments: 'always',
    softcap: 'always',
    scale: 'always',
  },
  'exact contents': { contents: ['exact'] },
  'normal contents': { contents: ['normal'], dtypes: ['float16'] },
  long: { minKvLen: 33, maxKvLen: 40, maxBatch: 1, maxHeads: 2 },
  gradients: { want: { gradients: true, weights: true } },
  'integer padding': { maskRanks: [2], maskForms: ['integer'] },
};

function tensorsOf(c: AttentionCase): Tensor[] {
  return [c.query, c.key, c.value, c.mask?.tensor, c.segments, c.rotary?.positionIds, c.gradOutput].filter(
    (tensor) => tensor !== undefined,
  );
}

/** What every case must be, drawn or shrunk. */
function expectValid(c: AttentionCase): void {
  const s = sizesOf(c);
  for (const { shape, data, dtype } of tensorsOf(c)) {
    expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
    if (dtype === 'bool') expect(data.every((x) => x === 0 || x === 1)).toBe(true);
    else if (dtype === 'int64') expect(data.every((x) => Number.isInteger(x) && x >= 0)).toBe(true);
    else expect(data.every((x) => Object.is(round(x, dtype), x))).toBe(true);
  }
  expect(c.key.shape).toEqual([s.batch, s.numKvHeads, s.kvLen, s.headDim]);
  expect(c.value.shape.slice(0, 3)).toEqual([s.batch, s.numKvHeads, s.kvLen]);
  expect(s.numHeads % s.numKvHeads).toBe(0);
  if (c.gradOutput) expect(c.gradOutput.shape).toEqual([s.batch, s.numHeads, s.qLen, s.vHeadDim]);
  expect(c.gradOutput !== undefined).toBe(c.want.gradients === true);
  if (c.segments) expect(c.segments.shape).toEqual([s.batch, s.kvLen]);
  if (c.rotary) {
    expect(c.rotary.positionIds.shape).toEqual([s.batch, s.kvLen]);
    expect(c.rotary.positionIds.data.every((p) => p < 4096)).toBe(true);
  }
  if (c.mask) {
    const { shape } = c.mask.tensor;
    expect(shape.length).toBe(c.mask.rank);
    expect(shape[shape.length - 1]).toBeGreaterThanOrEqual(s.kvLen);
    if (c.mask.rank < 4) expect(shape[0]).toBe(s.batch);
    else expect([1, s.batch].includes(shape[0]) && [1, s.numHeads].includes(shape[1])).toBe(true);
    if (c.mask.form === 'additive') expect(c.mask.tensor.dtype).toBe(c.query.dtype);
  }
  expect(largestDot(c)).toBeLessThanOrEqual(finfo[c.query.dtype].max / 4);
}

/** The largest |query|.|key| of any pair, times the scale where that is above 1. */
function largestDot(c: AttentionCase): number {
  const dim = c.query.shape[3];
  const top = (data: Float64Array): number => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return top(c.query.data) * top(c.key.data) * dim * Math.max(1, c.scale);
}

describe.each(Object.entries(domains))('attentionCase under %s', (_, domain) => {
  const arbitrary = attentionCase(domain);
  const draw = (): AttentionCase[] => fc.sample(arbitrary, { seed: 11, numRuns: 100 });
  const cases = draw();

  it('gives the same values for the same seed', () => {
    // Far faster than expect's own comparison.
    expect(isDeepStrictEqual(draw(), cases)).toBe(true);
  });

  it('draws valid cases that its constraints admit, and can shrink them without context', () => {
    for (const c of cases) {
      expect(admits(domain, c)).toBeUndefined();
      expectValid(c);
      expect(arbitrary.canShrinkWithoutContext(c)).toBe(true);
    }
  });

  it('shrinks to valid cases that are smaller and admitted', () => {
    for (const c of cases.slice(0, 8)) {
      const size = sizeOf(c);
      let n = 0;
      for (const smaller of shrinkCase(c, domain)) {
        if (n++ === 200) break;
        if (!isSmaller(sizeOf(smaller), size)) expect.fail(`${sizeOf(smaller).join()} is not below ${size.join()}`);
        if (n % 7 === 0) expectValid(smaller);
      }
    }
  });

  it('ends where everything fails', () => {
    let c = cases[0];
    for (let steps = 0; ; steps++) {
      expect(steps).toBeLessThan(50);
      const [next] = shrinkCase(c, domain);
      if (next === undefined) break;
      c = next;
    }
  });
});

describe('attentionMask', () => {
  const constraints = { batch: 2, numHeads: 3, qLen: 4, kvLen: 5, emptyRows: 'never' } as const;
  const arbitrary = attentionMask(constraints);
  const masks = fc.sample(arbitrary, { seed: 3, numRuns: 200 });

  it('draws the same masks for the same seed, of the sizes asked for', () => {
    expect(fc.sample(arbitrary, { seed: 3, numRuns: 200 })).toEqual(masks);
    for (const { rank, tensor } of masks) {
      expect(tensor.shape.length).toBe(rank);
      expect(tensor.shape[rank - 1]).toBe(5);
      expect(arbitrary.canShrinkWithoutContext(masks[0])).toBe(true);
    }
  });

  it('leaves every query a key', () => {
    for (const { form, tensor } of masks) {
      for (let n = 0; n < tensor.data.length; n += 5) {
        expect(
          [...tensor.data.slice(n, n + 5)].some((x) => (form === 'additive' ? x > -1e30 && x !== -65504 : x === 1)),
        ).toBe(true);
      }
    }
  });

  it('shrinks to one without a hole where anything fails', () => {
    const { counterexample } = fc.check(
      fc.property(attentionMask({ kvLen: 3, emptyRows: 'allow' }), () => false),
      { seed: 5 },
    );
    expect(counterexample?.[0]).toEqual({
      rank: 2,
      form: 'boolean',
      tensor: { dtype: 'bool', shape: [1, 3], data: Uint8Array.of(1, 1, 1) },
    });
  });

  it('refuses sizes below 1', () => {
    expect(() => attentionMask({ batch: 0 })).toThrow('batch=0: must be at least 1');
  });
});

describe('sizes', () => {
  it('draws the same sizes for the same seed, shrinks to the smallest, and keeps relations', () => {
    const arbitrary = sizes({ cache: 'always', groupedHeads: 'always' });
    const drawn = fc.sample(arbitrary, { seed: 9, numRuns: 200 });
    expect(fc.sample(arbitrary, { seed: 9, numRuns: 200 })).toEqual(drawn);
    for (const s of drawn)
      expect(s.qLen < s.kvLen && s.numKvHeads < s.numHeads && arbitrary.canShrinkWithoutContext(s)).toBe(true);
    const { counterexample } = fc.check(
      fc.property(arbitrary, () => false),
      { seed: 2 },
    );
    expect(counterexample?.[0]).toEqual({
      batch: 1,
      numHeads: 2,
      numKvHeads: 1,
      qLen: 1,
      kvLen: 2,
      headDim: 1,
      vHeadDim: 1,
    });
  });
});

describe('replay by seed and path', () => {
  it('gives the counterexample again', () => {
    const property = fc.property(attentionCase(), (c) => c.mask === undefined || c.query.shape[0] < 2);
    const first = fc.check(property, { seed: 4 });
    expect(first.counterexamplePath).toMatch(/^\d+(:\d+)+$/);
    const again = fc.check(property, { seed: 4, path: first.counterexamplePath ?? '', endOnFailure: true, numRuns: 1 });
    expect(again.counterexample).toEqual(first.counterexample);
  });
});
