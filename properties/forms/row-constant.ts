import type { AttentionCase } from '../../reference/case';
import { round } from '../../reference/dtype';
import { entries, mix, withEntries } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Powers of two of both signs: exact in every dtype. */
const constants = [64, -16, 4, -1, 0.5];

/** Whether a sum has no rounding in the mask's dtype, nor in float64. */
function isExact(bias: number, constant: number, c: AttentionCase): boolean {
  const sum = bias + constant;
  return sum - constant === bias && sum - bias === constant && round(sum, c.query.dtype) === sum;
}

/** Adds to each row of the mask the first constant, from a place that depends on the row, whose sums are all exact; 0 where there is none. */
function withRowConstants(c: AttentionCase): AttentionCase {
  const { mask } = c;
  if (mask === undefined) return c;
  const columns = mask.tensor.shape[mask.rank - 1];
  const adds = entries(mask);
  const chosen = Array.from({ length: adds.length / columns }, (_, row) => {
    const biases = adds.slice(row * columns, (row + 1) * columns).filter((add) => add !== undefined);
    const start = mix(row) % constants.length;
    const turned = [...constants.slice(start), ...constants.slice(0, start)];
    return turned.find((constant) => biases.every((bias) => isExact(bias, constant, c))) ?? 0;
  });
  return withEntries(c, (add, index) => (add === undefined ? undefined : add + chosen[Math.floor(index / columns)]));
}

/** Only a finite bias shows a mask that is tested for being non-zero or multiplied instead of added: 0 and -inf survive both. */
export default defineProperty({
  id: 'forms/row-constant',
  statement: 'A constant added to every kept cell of a row of an additive mask changes nothing.',
  compares: 'radius',
  needs: { anyRank: [2, 3, 4], forms: ['additive'] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4], maskForms: ['additive'] }),
  async check(context, c) {
    const shifted = withRowConstants(c);
    const [before, after] = await context.attend([c, shifted]);
    return within(context, [c, before], [shifted, after], {
      with: 'what it was before a constant was added to its row',
    });
  },
});
