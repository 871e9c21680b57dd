import { keepGrid } from '../../reference/masks';
import {
  askingForGradients,
  gradientCases,
  hasGradients,
  queriesOf,
  wrongGradients,
} from '../../src/compare/gradients';
import { defineProperty } from '../../src/property';

/** A sentinel that is added lets the score's gradient through, and weights that are rebuilt without the mask are not 0: padding is trained. */
export default defineProperty({
  id: 'gradients/zero-at-dropped',
  statement: 'Keys and values that no query keeps get a gradient of exactly 0.',
  compares: 'exact',
  needs: { returns: ['gradients'] },
  cases: gradientCases,
  guard: hasGradients,
  async check(context, c) {
    const asked = askingForGradients(c);
    const [answer] = await context.attend([asked]);
    const kvLen = c.key.shape[2];
    const keep = keepGrid(c, context.supports);
    const isEmpty = (row: number) => !keep.subarray(row * kvLen, (row + 1) * kvLen).includes(1);
    return wrongGradients(context, asked, answer, {
      of: ['key', 'value'],
      // Rows without a key may give all of its head a share.
      speaksOf: (vector) => {
        const rows = queriesOf(c, Math.floor(vector / kvLen));
        return rows.every((row) => keep[row * kvLen + (vector % kvLen)] === 0) && !rows.some(isEmpty);
      },
      isExactly: (x) => x === 0,
      marksDropped: true,
      say: (x) => `is ${x} where exactly 0 is due`,
    });
  },
});
