import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { RowState, type Expectation } from '../../reference/expectation';
import { withValuesOf } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { agrees, rowsOf, show } from '../../src/compare/compare';
import { defineProperty, type Answer, type PropertyContext, type Violation } from '../../src/property';

/** Rows of returned weights with a negative number or a NaN, or whose sum is farther from one than the radii of its terms. */
function massOfWeights(
  context: PropertyContext,
  c: AttentionCase,
  answer: Answer,
  expectation: Expectation,
): Violation | undefined {
  const { weights } = answer;
  if (weights === undefined) return undefined;
  const { kvLen } = sizesOf(c);
  const bad = rowsOf(c).flatMap((at, row) => {
    if (expectation.rows[row] !== RowState.ok) return [];
    context.tally('compared', 1);
    let sum = 0;
    let allowed = kvLen * 2 ** -50;
    let least = Infinity;
    for (let n = row * kvLen; n < (row + 1) * kvLen; n += 1) {
      sum += weights.data[n];
      allowed += expectation.weights.radius[n];
      least = Math.min(least, weights.data[n]);
    }
    return least >= 0 && Math.abs(sum - 1) <= allowed ? [] : [{ at, row, sum, allowed, least }];
  });
  if (bad.length === 0) return undefined;
  const [{ at, row, sum, allowed, least }] = bad;
  const slice = (data: Float64Array) => Array.from(data.subarray(row * kvLen, (row + 1) * kvLen));
  return {
    summary: `The weights of ${bad.length} ${bad.length === 1 ? 'row' : 'rows'} are negative or do not sum to one; at b=${at.b} h=${at.h} i=${at.i} the least is ${show(least)} and the sum ${show(sum)}, where ${show(allowed)} is allowed.`,
    rows: bad.map((one) => one.at),
    cells: [],
    numbers: {
      of: 'weights',
      at,
      actual: slice(weights.data),
      expected: slice(expectation.weights.centre),
      allowed: slice(expectation.weights.radius),
    },
  };
}

/** A weight that is zeroed after the softmax, or a dropped key that stays in the sum, leaves a row that no longer averages anything. */
export default defineProperty({
  id: 'rows/mass',
  statement: 'Values of one give one, and returned weights are not negative and sum to one.',
  compares: 'radius',
  needs: {},
  cases: (domain, { returns }) => narrow(domain, { want: { weights: returns.includes('weights') } }),
  async check(context, c) {
    const ones = { ...withValuesOf(c, 1), want: { weights: context.supports.returns.includes('weights') } };
    const [answer] = await context.attend([ones]);
    const expectation = context.expect(ones);
    return (
      agrees(context, ones, answer, expectation, { states: 'kept', with: 'one' }) ??
      massOfWeights(context, ones, answer, expectation)
    );
  },
});
