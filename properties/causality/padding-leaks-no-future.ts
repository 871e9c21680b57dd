import { sizesOf } from '../../reference/case';
import { keepGrid, positionOf } from '../../reference/masks';
import { distinct, pivots } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { leaks } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** A 2D mask says which keys are padding and nothing about order; code that takes "a mask was given" for "the caller has dealt with causality" shows the future. */
export default defineProperty({
  id: 'causality/padding-leaks-no-future',
  statement: 'With a padding mask and isCausal, no row depends on keys and values after its own position.',
  compares: 'bitwise',
  needs: { anyRank: [2], causal: ['bottom_right', 'top_left'] },
  cases: (domain) => narrow(domain, { maskRanks: [2], isCausal: [true], crossLength: 'never' }),
  async check(context, c) {
    const after = pivots(sizesOf(c).qLen).map((i) => positionOf(c, context.supports, i));
    return leaks(context, c, keepGrid(c, context.supports), {
      sets: distinct(
        c,
        after.map((position) => (_b, _hkv, j) => j > position),
      ),
      probe: 'leaked',
      where: ({ i, j }) => j > positionOf(c, context.supports, i),
    });
  },
});
