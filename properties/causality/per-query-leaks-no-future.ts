import { sizesOf } from '../../reference/case';
import { keepGrid, positionOf } from '../../reference/masks';
import { distinct, pivots } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { leaks } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** A 3D mask has an entry for every query and key, so it looks as if it said everything; only a 4D mask does. */
export default defineProperty({
  id: 'causality/per-query-leaks-no-future',
  statement: 'With a per-query mask and isCausal, no row depends on keys and values after its own position.',
  compares: 'bitwise',
  needs: { anyRank: [3], causal: ['bottom_right', 'top_left'] },
  cases: (domain) => narrow(domain, { maskRanks: [3], isCausal: [true], crossLength: 'never' }),
  async check(context, c) {
    const after = pivots(sizesOf(c).qLen).map((i) => positionOf(c, context.supports, i));
    return leaks(context, c, keepGrid(c, context.supports), {
      sets: distinct(
        c,
        after.map((position) => (_b, _hkv, j) => j > position),
      ),
    });
  },
});
