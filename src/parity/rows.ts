/** How far two answers to one case are apart, row by row, in units of what both may be off. */
import { sizesOf, type AttentionCase } from '../../reference/case';
import { RowState, type Expectation } from '../../reference/expectation';
import { contractOf } from '../../reference/masks';
import { rowsOf } from '../compare/compare';
import type { ResolvedSupports } from '../backend';
import type { Answer, RowIndex, Violation } from '../property';

/** What was answered to a case, and what is due under the conventions and precision of who answered. */
export interface Side {
  readonly answer: Answer;
  readonly expected: Expectation;
  readonly supports: ResolvedSupports;
}

/**
 * `compared`: both owe the same. `declared`: they declare different readings of this row (its diagonal, or what is due where it keeps nothing).
 * `unclaimed`: a score may overflow, or nothing is declared.
 */
export interface RowDistance {
  readonly at: RowIndex;
  readonly state: 'compared' | 'declared' | 'unclaimed';
  /** The largest difference of the row in sums of the two radii: above 1 one of the two is wrong. Infinite where a NaN meets a number. */
  readonly distance: number;
}

export function rowDistances(c: AttentionCase, first: Side, second: Side): RowDistance[] {
  return rowsOf(c).map((at, row) => {
    const state = stateOf(c, first, second, row);
    return { at, state, distance: state === 'compared' ? distanceOf(c, first, second, row) : 0 };
  });
}

function stateOf(c: AttentionCase, first: Side, second: Side, row: number): RowDistance['state'] {
  const states = [first.expected.rows[row], second.expected.rows[row]];
  if (states.includes(RowState.outOfRange) || states.includes(RowState.unspecified)) return 'unclaimed';
  if (!sameCells(c, first, second, row)) return 'declared';
  if (states[0] !== RowState.empty) return 'compared';
  return contractOf(c, first.supports) === contractOf(c, second.supports) ? 'compared' : 'declared';
}

function sameCells(c: AttentionCase, first: Side, second: Side, row: number): boolean {
  const { kvLen } = sizesOf(c);
  for (let n = row * kvLen; n < (row + 1) * kvLen; n++)
    if (first.expected.keep[n] !== second.expected.keep[n]) return false;
  return true;
}

function distanceOf(c: AttentionCase, first: Side, second: Side, row: number): number {
  const width = sizesOf(c).vHeadDim;
  let largest = 0;
  for (let n = row * width; n < (row + 1) * width; n++) {
    const [x, y] = [first.answer.output.data[n], second.answer.output.data[n]];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const distance = Math.abs(x - y) / allowedAt(first, second, n);
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance);
  }
  return largest;
}

/** The radii around the same exact value add; where float64 sums the definition in another order, the two centres are a rounding apart. */
function allowedAt(first: Side, second: Side, n: number): number {
  const [a, b] = [first.expected.output, second.expected.output];
  return (a.radius[n] + b.radius[n] + Math.abs(a.centre[n] - b.centre[n])) * (1 + 2 ** -51);
}

/** The rows that are further apart than both may be off, as a finding; there is one at least. */
export function disagreement(
  c: AttentionCase,
  rows: readonly RowDistance[],
  [firstName, first]: readonly [string, Side],
  [secondName, second]: readonly [string, Side],
): Violation {
  const bad = rows.filter(({ distance }) => distance > 1).sort((a, b) => b.distance - a.distance);
  const [{ at }] = bad;
  const { numHeads, qLen, vHeadDim } = sizesOf(c);
  const start = ((at.b * numHeads + at.h) * qLen + at.i) * vHeadDim;
  const features = Array.from({ length: vHeadDim }, (_, d) => start + d);
  return {
    summary: `${bad.length === 1 ? 'A row' : `${bad.length} rows`} of the output of ${firstName} (actual) ${bad.length === 1 ? 'is' : 'are'} not that of ${secondName} (expected)`,
    rows: bad.map((row) => row.at),
    cells: [],
    numbers: {
      of: 'output',
      at,
      actual: features.map((n) => first.answer.output.data[n]),
      expected: features.map((n) => second.answer.output.data[n]),
      allowed: features.map((n) => allowedAt(first, second, n)),
    },
  };
}
