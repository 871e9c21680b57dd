import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizesOf } from '../../../reference/case';
import { attentionCase } from '../../../src/arbitraries';
import { contentKinds, maskKinds } from '../../../src/arbitraries/constraints';
import { describeCase } from '../../../src/arbitraries/describe';
import { biasOf, broadcastAxes, extraColumns, extraRows } from '../../../src/arbitraries/mask-facts';

const cases = fc.sample(attentionCase(), { seed: 7, numRuns: 2000 });
const sizes = cases.map(sizesOf);
const share = (facet: string, value: string): number =>
  cases.filter((c) => describeCase(c).some((x) => x.facet === facet && x.value === value)).length / cases.length;

describe('2,000 cases', () => {
  it.each([
    ...maskKinds.map((kind) => ['kind', kind]),
    ...contentKinds.map((kind) => ['contents', kind]),
    ...['none', '2', '3', '4'].map((rank) => ['mask_rank', rank]),
    ...['none', 'boolean', 'additive', 'integer'].map((form) => ['mask_form', form]),
    ...['float64', 'float32', 'float16', 'bfloat16'].map((dtype) => ['dtype', dtype]),
    ...['base', 'rotary'].map((bridge) => ['bridge', bridge]),
    ...['one', 'many'].map((batch) => ['batch', batch]),
    ...['mha', 'grouped', 'single'].map((heads) => ['heads', heads]),
    ...['some_empty', 'none_empty'].map((rows) => ['rows', rows]),
    ...['true', 'false'].map((causal) => ['is_causal', causal]),
    ...['equal', 'cached', 'cross'].map((lengths) => ['lengths', lengths]),
  ])('hold %s %s in a share', (facet, value) => {
    expect(share(facet, value)).toBeGreaterThan(0.02);
  });

  it('hold sizes that coincide and sizes that do not', () => {
    const count = (test: (s: (typeof sizes)[number]) => boolean): number => sizes.filter(test).length;
    expect(
      count((s) => s.batch > 1 && s.batch === s.numHeads && s.batch === s.qLen && s.batch === s.kvLen),
    ).toBeGreaterThan(20);
    expect(count((s) => s.batch > 1 && s.batch === s.qLen)).toBeGreaterThan(200);
    expect(count((s) => s.batch > 1 && s.batch === s.kvLen)).toBeGreaterThan(100);
    expect(count((s) => s.batch > 1 && s.batch === s.numHeads)).toBeGreaterThan(200);
    expect(count((s) => new Set([s.batch, s.numHeads, s.qLen, s.kvLen, s.headDim]).size === 5)).toBeGreaterThan(50);
    expect(
      count((s) => s.numKvHeads > 1 && s.numHeads / s.numKvHeads > 1 && s.numHeads / s.numKvHeads !== s.numKvHeads),
    ).toBeGreaterThan(20);
    expect(count((s) => s.qLen === 1)).toBeGreaterThan(100);
    expect(count((s) => s.batch === 1)).toBeGreaterThan(200);
    for (const edge of [16, 32, 64, 128]) expect(count((s) => Math.abs(s.kvLen - edge) < 2)).toBeGreaterThan(2);
  });

  it('hold windows, segments, softcaps, scales, biases and broadcast axes, and no over-long mask', () => {
    expect(cases.filter((c) => c.slidingWindow).length).toBeGreaterThan(100);
    expect(cases.filter((c) => c.segments).length).toBeGreaterThan(100);
    expect(cases.filter((c) => c.softcap !== undefined).length).toBeGreaterThan(100);
    expect(cases.filter((c) => c.scale !== 1 / Math.sqrt(c.query.shape[3])).length).toBeGreaterThan(100);
    expect(cases.filter(biasOf).length).toBeGreaterThan(100);
    expect(
      cases.filter((c) => c.mask?.form === 'additive' && c.mask.tensor.data.some((x) => x > -2e9 && x < -9e3)).length,
    ).toBeGreaterThan(10);
    expect(cases.filter((c) => broadcastAxes(c) > 0).length).toBeGreaterThan(200);
    expect(cases.filter((c) => extraColumns(c) > 0 || extraRows(c) > 0)).toEqual([]);
  });
});
