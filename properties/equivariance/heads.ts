import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { kvHeadOf, pivots, range, takeHeads, withRepeatedHeads } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Every head in reverse order: key heads turn round, and with them the groups of query heads that read them. */
function reversed(c: AttentionCase): AttentionCase {
  const { numHeads, numKvHeads } = sizesOf(c);
  return takeHeads(c, range(numHeads).reverse(), range(numKvHeads).reverse());
}

/** Grouped heads are repeated, not tiled, and the mask of a head belongs to the query head: with one mask for all, or as many groups as heads in a group, nobody notices. */
export default defineProperty({
  id: 'equivariance/heads',
  statement:
    'Heads do not see each other: they may change places or stand alone, and grouped heads equal repeated ones.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  guard: (c) => sizesOf(c).numHeads > 1,
  async check(context, c) {
    const { numHeads, numKvHeads } = sizesOf(c);
    const variants = [
      { with: 'the same heads in reverse order', c: reversed(c), head: (h: number) => numHeads - 1 - h },
      ...(numKvHeads < numHeads
        ? [{ with: 'key heads written out', c: withRepeatedHeads(c), head: (h: number) => h }]
        : []),
      ...pivots(numHeads).map((alone) => ({
        with: 'the same head alone',
        c: takeHeads(c, [alone], [kvHeadOf(c, alone)]),
        head: (h: number) => (h === alone ? 0 : undefined),
      })),
    ];
    const [together, ...apart] = await context.attend([c, ...variants.map((variant) => variant.c)]);
    for (const [n, variant] of variants.entries()) {
      const violation = within(context, [c, together], [variant.c, apart[n]], {
        with: variant.with,
        map: (row) => {
          const h = variant.head(row.h);
          return h === undefined ? undefined : { ...row, h };
        },
      });
      if (violation) return violation;
    }
    return undefined;
  },
});
