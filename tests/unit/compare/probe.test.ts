import { describe, expect, it } from 'vitest';
import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { attend } from '../../../reference/oracle';
import { floatTensor } from '../../../reference/tensor';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { judgeProbe, probeCases, probeViolation, readProbe } from '../../../src/compare/probe';
import { drawBatch } from '../../../src/engine/draw';
import { laboratory } from '../../support/context';

const drawn = drawBatch(attentionCase({}), 5, 150);

describe('the support probe', () => {
  it('reads the weights off the output, in one wide call or in many', async () => {
    for (const c of drawn) {
      const context = laboratory();
      const { weights } = attend(c, context.supports);
      for (const valueDim of [true, false]) {
        const probes = probeCases(c, { valueDim });
        const { kvLen, vHeadDim } = sizesOf(c);
        expect(probes.length).toBe(valueDim && kvLen > 8 * vHeadDim ? 1 : Math.ceil(kvLen / vHeadDim));
        const read = readProbe(c, await context.attend(probes));
        // Rows that keep nothing answer by contract: zeros here, which are their weights as well.
        expect(read).toEqual(weights);
      }
    }
  });

  it('finds nothing in the definition', async () => {
    for (const c of drawn) {
      const context = laboratory();
      expect(probeViolation(context, c, readProbe(c, await context.attend(probeCases(c))))).toBeUndefined();
    }
  });

  it('finds the one dropped cell that has a weight, however small, and the one kept cell that has none', async () => {
    const plain = drawBatch(attentionCase({ bias: 'never', contents: ['exact', 'normal', 'ties'] }), 5, 150);
    for (const c of plain) {
      const context = laboratory();
      const { keep, rows, weights } = context.expect(c);
      const { kvLen } = sizesOf(c);
      const read = readProbe(c, await context.attend(probeCases(c)));
      const judged = (at: number) => rows[Math.floor(at / kvLen)] === 0;
      const dropped = keep.findIndex((cell, at) => cell === 0 && judged(at));
      const kept = keep.findIndex((cell, at) => cell === 1 && judged(at) && weights.centre[at] > 0.01);
      if (dropped >= 0) {
        const { leaked, ignored } = judgeProbe(context, c, read.with(dropped, Number.MIN_VALUE));
        expect([leaked.length, ignored.length, leaked[0].j]).toEqual([1, 0, dropped % kvLen]);
      }
      if (kept >= 0) {
        const { leaked, ignored } = judgeProbe(context, c, read.with(kept, 0));
        expect([leaked.length, ignored.length, ignored[0].j]).toEqual([0, 1, kept % kvLen]);
      }
    }
  });

  it('does not ask a weight to show that the error of a large score may make vanish', () => {
    // The exact weight of the second key is e^-80, which float32 has; a score of 1e9 in float32 is a multiple of 64, so it may come out as e^-128.
    const context = laboratory({ supports: { precision: {} } });
    const c: AttentionCase = {
      bridge: 'base',
      query: floatTensor('float32', [1, 1, 1, 1], [1]),
      key: floatTensor('float32', [1, 1, 2, 1], [40, -40]),
      value: floatTensor('float32', [1, 1, 2, 1], [1, 1]),
      mask: { rank: 4, form: 'additive', tensor: floatTensor('float32', [1, 1, 1, 2], [-1e9, -1e9]) },
      isCausal: false,
      scale: 1,
      want: {},
    };
    expect(judgeProbe(context, c, Float64Array.of(1, 0)).ignored).toEqual([]);
    const plain = { ...c, mask: undefined };
    expect(judgeProbe(context, plain, Float64Array.of(1, 0)).ignored).toEqual([{ b: 0, h: 0, i: 0, j: 1 }]);
  });
});
