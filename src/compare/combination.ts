/** Whether an answer is a linear combination of others, within what rounding allows all of them together. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { RowState } from '../../reference/expectation';
import type { Answer, PropertyContext, RowIndex, Violation } from '../property';
import { rowsOf, show, type Side } from './compare';

/** A factor, a case of the same shape, and what was answered to it. */
export type Term = readonly [factor: number, c: AttentionCase, answer: Answer];

/** The outputs of `side` equal the sum of factor times output; `other` names that sum in the summary. */
export function combination(
  context: PropertyContext,
  [c, answer]: Side,
  terms: readonly Term[],
  other: string,
): Violation | undefined {
  const { vHeadDim } = sizesOf(c);
  const sides: readonly Term[] = [[-1, c, answer], ...terms];
  const expected = sides.map(([, one]) => context.expect(one));
  const total = (number: (side: number, n: number) => number, n: number): number =>
    sides.reduce((sum, _, side) => sum + number(side, n), 0);
  const off = (n: number) => total((side, at) => sides[side][0] * sides[side][2].output.data[at], n);
  // The exact answers combine exactly, but for the rounding of float64; so does this sum of ours, of up to four numbers.
  const allowed = (n: number) =>
    total((side, at) => Math.abs(sides[side][0]) * expected[side].output.radius[at], n) +
    Math.abs(total((side, at) => sides[side][0] * expected[side].output.centre[at], n)) +
    2 ** -51 * total((side, at) => Math.abs(sides[side][0] * sides[side][2].output.data[at]), n);

  const bad: { at: RowIndex; n: number; excess: number }[] = [];
  const all = rowsOf(c);
  for (const [row, at] of all.entries()) {
    const states = expected.map(({ rows }) => rows[row]);
    if (states.some((state) => state !== RowState.ok)) {
      context.tally(states.includes(RowState.outOfRange) ? 'out_of_range' : 'empty', 1);
      continue;
    }
    context.tally(expected.some(({ blind }) => blind[row] === 1) ? 'blind' : 'compared', 1);
    let worst: { n: number; excess: number } | undefined;
    for (let n = row * vHeadDim; n < (row + 1) * vHeadDim; n += 1) {
      const difference = Math.abs(off(n));
      if (difference <= allowed(n)) continue;
      const excess = Number.isNaN(difference) ? Infinity : difference / allowed(n);
      if (worst === undefined || excess > worst.excess) worst = { n, excess };
    }
    if (worst) bad.push({ at, ...worst });
  }
  if (bad.length === 0) return undefined;
  bad.sort((a, b) => b.excess - a.excess);
  const [{ at, n }] = bad;
  const start = n - (n % vHeadDim);
  const features = Array.from({ length: vHeadDim }, (_, d) => start + d);
  return {
    summary: `${bad.length} of ${all.length} ${all.length === 1 ? 'row' : 'rows'} of the output ${bad.length === 1 ? 'is' : 'are'} not ${other}; at b=${at.b} h=${at.h} i=${at.i} it is off by ${show(Math.abs(off(n)))} where ${show(allowed(n))} is allowed.`,
    rows: bad.map((row) => row.at),
    cells: [],
    numbers: {
      of: 'output',
      at,
      actual: features.map((m) => answer.output.data[m]),
      expected: features.map((m) => answer.output.data[m] + off(m)),
      allowed: features.map(allowed),
    },
  };
}
