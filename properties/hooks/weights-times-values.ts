import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { RowState } from '../../reference/expectation';
import { kvHeadOf } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf, show } from '../../src/compare/compare';
import type { RowIndex } from '../../src/property';
import { defineProperty } from '../../src/property';

/** Weights for hooks are often computed a second time, beside a fused kernel that never had them: without the mask, before dropout, in another dtype. */
export default defineProperty({
  id: 'hooks/weights-times-values',
  statement: 'The returned weights times the values are the output.',
  compares: 'radius',
  needs: { returns: ['weights'] },
  cases: (domain) => narrow(domain, { want: { weights: true } }),
  async check(context, c) {
    const asked: AttentionCase = { ...c, want: { ...c.want, weights: true } };
    const [{ output, weights }] = await context.attend([asked]);
    if (!weights) return undefined;
    const expected = context.expect(asked);
    const { numKvHeads, kvLen, vHeadDim } = sizesOf(c);
    const { data: values } = c.value;

    const bad: { at: RowIndex; actual: number[]; product: number[]; allowed: number[]; excess: number }[] = [];
    const all = rowsOf(c);
    for (const [row, at] of all.entries()) {
      if (expected.rows[row] !== RowState.ok) {
        context.tally(expected.rows[row] === RowState.outOfRange ? 'out_of_range' : 'empty', 1);
        continue;
      }
      context.tally(expected.blind[row] === 1 ? 'blind' : 'compared', 1);
      const product = new Array<number>(vHeadDim).fill(0);
      const exact = new Array<number>(vHeadDim).fill(0);
      const allowed = Array.from({ length: vHeadDim }, (_, d) => expected.output.radius[row * vHeadDim + d]);
      const head = (at.b * numKvHeads + kvHeadOf(c, at.h)) * kvLen;
      for (let j = 0; j < kvLen; j += 1) {
        const n = row * kvLen + j;
        // A weight of exactly 0 leaves its value out, whatever it holds.
        if (weights.data[n] === 0 && expected.keep[n] === 0) continue;
        for (let d = 0; d < vHeadDim; d += 1) {
          const value = values[(head + j) * vHeadDim + d];
          product[d] += weights.data[n] * value;
          exact[d] += expected.weights.centre[n] * value;
          // The last term is the rounding of this very sum in float64.
          allowed[d] += (expected.weights.radius[n] + 2 ** -52 * kvLen * weights.data[n]) * Math.abs(value);
        }
      }
      // The definition's own weights times values, summed here in float64, are its output but for that rounding.
      exact.forEach((x, d) => (allowed[d] += 2 * Math.abs(x - expected.output.centre[row * vHeadDim + d])));
      const actual = Array.from(output.data.subarray(row * vHeadDim, (row + 1) * vHeadDim));
      const excess = actual.map((x, d) => {
        const off = Math.abs(x - product[d]);
        return off <= allowed[d] ? 0 : Number.isNaN(off) ? Infinity : off / allowed[d];
      });
      const worst = Math.max(...excess);
      if (worst > 0) bad.push({ at, actual, product, allowed, excess: worst });
    }
    if (bad.length === 0) return undefined;
    bad.sort((a, b) => b.excess - a.excess);
    const [{ at, actual, product, allowed }] = bad;
    const off = Math.max(...actual.map((x, d) => Math.abs(x - product[d])));
    return {
      summary: `${bad.length} of ${all.length} ${all.length === 1 ? 'row' : 'rows'} of the output ${bad.length === 1 ? 'is' : 'are'} not the returned weights times the values; at b=${at.b} h=${at.h} i=${at.i} they are ${show(off)} apart.`,
      rows: bad.map((row) => row.at),
      cells: [],
      numbers: { of: 'output', at, actual, expected: product, allowed },
    };
  },
});
