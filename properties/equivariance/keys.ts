import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { range, takeKeys } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Whether anything but the mask tells keys apart by their place. */
function placesMatter(c: AttentionCase): boolean {
  const causal = c.isCausal && c.mask?.rank !== 4;
  return causal || c.slidingWindow !== undefined || c.segments !== undefined || c.bridge === 'rotary';
}

/** Tiles, remainders and early exits treat the last keys in another way than the first. */
export default defineProperty({
  id: 'equivariance/keys',
  statement: 'Without causality, keys may change places together with their values and their columns of the mask.',
  compares: 'radius',
  needs: {
    // A 4D mask lays no triangle, whatever isCausal says.
    other: ({ bidirectional, causal, maskRanks }) =>
      bidirectional || causal === 'none' || maskRanks.includes(4) ? undefined : 'takes no call that is not causal',
  },
  cases: (domain) => narrow(domain, { bridges: ['base'], slidingWindow: 'never', segments: 'never', minKvLen: 2 }),
  guard: (c) => !placesMatter(c) && sizesOf(c).kvLen > 1,
  async check(context, c) {
    const { kvLen } = sizesOf(c);
    const orders = [range(kvLen).reverse(), range(kvLen).map((j) => (j + 1) % kvLen)];
    const others = orders.map((order) => takeKeys(c, order));
    const [before, ...after] = await context.attend([c, ...others]);
    for (const [n, other] of others.entries()) {
      const violation = within(context, [c, before], [other, after[n]], {
        with: n === 0 ? 'the same keys in reverse order' : 'the same keys moved on by one',
      });
      if (violation) return violation;
    }
    return undefined;
  },
});
