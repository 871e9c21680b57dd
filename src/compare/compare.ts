/**
 * The three ways in which answers are compared, and the guards that all of them share: rows that keep nothing and rows that may overflow are
 * left out and counted. Equal numbers agree without asking the definition; it is only asked when something differs.
 */
import type { AttentionCase } from '../../reference/case';
import { rowAt } from '../../reference/case';
import { keepGrid } from '../../reference/masks';
import { RowState, type Expectation, type Interval } from '../../reference/expectation';
import type { Answer, CellIndex, PropertyContext, RowIndex, Violation } from '../property';

/** A case and what was answered to it. */
export type Side = readonly [c: AttentionCase, answer: Answer];

export interface Comparison {
  /** How the summary names the second side: 'the additive twin'. */
  readonly with?: string;
  /** The rows [batch, num_heads, q_len] of the first case that the claim speaks of, 1 each; all where absent. */
  readonly rows?: Uint8Array;
  /** Which row of the second case answers to a row of the first; the same where absent, none where undefined. */
  readonly map?: (row: RowIndex) => RowIndex | undefined;
  /** The cells that the property already knows to be in question. */
  readonly cells?: readonly CellIndex[];
  /** Bitwise only: rows are judged by the first case alone, because the second holds NaN or infinities on purpose. */
  readonly poisoned?: true;
  /** Bitwise only: the second case was made so that no number overflows and every sentinel has room; a declared one that has none is a finding. */
  readonly inRange?: true;
}

/** A row that is wrong, and by how much of what is allowed. */
interface BadRow {
  readonly at: RowIndex;
  readonly second: RowIndex;
  readonly excess: number;
  readonly off: number;
}

const features = (c: AttentionCase): number => c.value.shape[3];

/** The place of a row in arrays [batch, num_heads, q_len]. */
export function rowNumber(c: AttentionCase, { b, h, i }: RowIndex): number {
  return (b * c.query.shape[1] + h) * c.query.shape[2] + i;
}

/** Every row of a case, in order. */
export function rowsOf(c: AttentionCase): RowIndex[] {
  return Array.from({ length: countRows(c) }, (_, number) => rowAt(c, number));
}

interface Pair {
  readonly at: RowIndex;
  readonly second: RowIndex;
  /** Row numbers. */
  readonly r1: number;
  readonly r2: number;
}

/** Whether all outputs are the same, number for number, without a row being looked at: the common and fast case. */
function allTheSame(a: Float64Array, b: Float64Array, same: (x: number, y: number) => boolean): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n += 1) if (!same(a[n], b[n])) return false;
  return true;
}

/** === or both NaN; +0 equals -0. */
const bitEqual = (x: number, y: number): boolean => x === y || (x !== x && y !== y);
/** Equal finite numbers: NaN and infinities are looked at more closely, since a number is due. */
const sameNumber = (x: number, y: number): boolean => x - y === 0;

/** Whether a row is left out: it keeps nothing, or may overflow. Counts it. */
function skipped(context: PropertyContext, states: readonly number[]): boolean {
  if (states.some((state) => state === RowState.empty || state === RowState.unspecified)) {
    context.tally('empty', 1);
    return true;
  }
  if (states.includes(RowState.outOfRange)) {
    context.tally('out_of_range', 1);
    return true;
  }
  return false;
}

/** Those of the pairs in which both rows keep a key; the others are counted as empty. The mask alone tells, and the definition's answer is dear. */
function keeping(context: PropertyContext, c1: AttentionCase, c2: AttentionCase, differing: Pair[]): Pair[] {
  if (differing.length === 0) return differing;
  const k1 = keepGrid(c1, context.supports);
  const k2 = c2 === c1 ? k1 : keepGrid(c2, context.supports);
  const left = differing.filter(({ r1, r2 }) => keepsAny(k1, r1, c1.key.shape[2]) && keepsAny(k2, r2, c2.key.shape[2]));
  context.tally('empty', differing.length - left.length);
  return left;
}

function keepsAny(keep: Uint8Array, row: number, kvLen: number): boolean {
  for (let n = row * kvLen; n < (row + 1) * kvLen; n += 1) if (keep[n] === 1) return true;
  return false;
}

/** How many pairs of rows a claim speaks of, and those of them that keep a key and differ; the others are counted. */
function differingRows(
  context: PropertyContext,
  [c1, a1]: Side,
  [c2, a2]: Side,
  { rows, map }: Comparison,
  same: (x: number, y: number) => boolean,
): { readonly compared: number; readonly differing: Pair[] } {
  const n1 = features(c1);
  const n2 = features(c2);
  const width = Math.min(n1, n2);
  const isDifferent = (r1: number, r2: number): boolean => {
    for (let d = 0; d < width; d += 1) {
      if (!same(a1.output.data[r1 * n1 + d], a2.output.data[r2 * n2 + d])) return true;
    }
    return false;
  };
  const differing: Pair[] = [];
  let compared = 0;
  const all = countRows(c1);
  for (let r1 = 0; r1 < all; r1 += 1) {
    if (rows !== undefined && rows[r1] === 0) continue;
    const at = rowAt(c1, r1);
    const second = map === undefined ? at : map(at);
    if (second === undefined) continue;
    compared += 1;
    const r2 = rowNumber(c2, second);
    if (isDifferent(r1, r2)) differing.push({ at, second, r1, r2 });
  }
  context.tally('compared', compared - differing.length);
  return { compared, differing: keeping(context, c1, c2, differing) };
}

/**
 * Bit for bit: === or both NaN, +0 equals -0. Only for two calls of equal shape.
 * A backend that declares `bitwise: 'never'` is judged by the radius instead, and the report counts it.
 */
export function identical(
  context: PropertyContext,
  [c1, a1]: Side,
  [c2, a2]: Side,
  how: Comparison = {},
): Violation | undefined {
  const x = a1.output.data;
  const y = a2.output.data;
  if (how.map === undefined && allTheSame(x, y, bitEqual)) {
    context.tally('compared', countRows(c1, how.rows));
    return undefined;
  }
  if (context.supports.bitwise === 'never') return notBitwise(context, [c1, a1], [c2, a2], how);
  const width = Math.min(features(c1), features(c2));
  const { compared, differing } = differingRows(context, [c1, a1], [c2, a2], how, bitEqual);
  if (differing.length === 0) return undefined;
  const e1 = context.expect(c1);
  const e2 = how.poisoned ? e1 : context.expect(c2);
  const bad: BadRow[] = [];
  for (const { at, second, r1, r2 } of differing) {
    if (!how.inRange && skipped(context, [e1.rows[r1], e2.rows[r2]])) continue;
    context.tally('compared', 1);
    let off = 0;
    for (let d = 0; d < width; d += 1) {
      const p = x[r1 * features(c1) + d];
      const q = y[r2 * features(c2) + d];
      if (!bitEqual(p, q)) off = Math.max(off, Number.isNaN(p - q) ? Infinity : Math.abs(p - q));
    }
    bad.push({ at, second, excess: off, off });
  }
  return violation(bad, compared, [c1, a1], [c2, a2], how);
}

/** The radius in place of bits. A poisoned second case has no radius of its own; the first case's counts twice. */
function notBitwise(context: PropertyContext, first: Side, second: Side, how: Comparison): Violation | undefined {
  context.tally('not_bitwise', countRows(first[0], how.rows));
  return within(context, first, how.poisoned ? [first[0], second[1]] : second, how);
}

/** Bit for bit where the backend declares that calls of any shape agree so; within the radii otherwise. */
export function alike(
  context: PropertyContext,
  first: Side,
  second: Side,
  how: Comparison = {},
): Violation | undefined {
  return context.supports.bitwise === 'always'
    ? identical(context, first, second, how)
    : within(context, first, second, how);
}

/**
 * Two answers to cases that mean the same agree within the sum of their radii around the same exact value (and the distance of the two
 * exact values as float64 has them, which is rounding where the cases do mean the same). Features beyond the narrower value are left out.
 */
export function within(
  context: PropertyContext,
  [c1, a1]: Side,
  [c2, a2]: Side,
  how: Comparison = {},
): Violation | undefined {
  const x = a1.output.data;
  const y = a2.output.data;
  if (how.map === undefined && allTheSame(x, y, sameNumber)) {
    context.tally('compared', countRows(c1, how.rows));
    return undefined;
  }
  const n1 = features(c1);
  const n2 = features(c2);
  const width = Math.min(n1, n2);
  const { compared, differing } = differingRows(context, [c1, a1], [c2, a2], how, sameNumber);
  if (differing.length === 0) return undefined;
  const e1 = context.expect(c1);
  const e2 = context.expect(c2);
  const allowed = (r1: number, r2: number, d: number): number => {
    const p = r1 * n1 + d;
    const q = r2 * n2 + d;
    const apart = e1.output.radius[p] + e2.output.radius[q] + Math.abs(e1.output.centre[p] - e2.output.centre[q]);
    // Our own three operations round as well, and a backend may lie exactly on its bound.
    return apart * (1 + 2 ** -51);
  };
  const bad: BadRow[] = [];
  for (const { at, second, r1, r2 } of differing) {
    if (skipped(context, [e1.rows[r1], e2.rows[r2]])) continue;
    context.tally(e1.blind[r1] === 1 || e2.blind[r2] === 1 ? 'blind' : 'compared', 1);
    const worst = worstFeature(width, (d) => [x[r1 * n1 + d] - y[r2 * n2 + d], allowed(r1, r2, d)]);
    if (worst !== undefined) bad.push({ at, second, ...worst });
  }
  return violation(bad, compared, [c1, a1], [c2, a2], how, { allowed, first: e1.output, second: e2.output });
}

/** The feature that is farthest outside what is allowed; undefined where none is. */
function worstFeature(
  width: number,
  feature: (d: number) => readonly [difference: number, allowed: number],
): { excess: number; off: number } | undefined {
  let worst: { excess: number; off: number } | undefined;
  for (let d = 0; d < width; d += 1) {
    const [difference, allowed] = feature(d);
    const off = Math.abs(difference);
    // Written so that NaN is outside.
    if (off <= allowed) continue;
    const excess = Number.isNaN(off) ? Infinity : off / allowed;
    if (worst === undefined || excess > worst.excess) worst = { excess, off };
  }
  return worst;
}

export interface Agreement {
  /** Which part of the answer; the output where absent. Dropped scores without a declared sentinel (NaN in the interval) are left out. */
  readonly of?: 'output' | 'weights' | 'scores';
  /** What the summary says the numbers should have been: 'the declared contract'. */
  readonly with?: string;
  /** Rows [batch, num_heads, q_len] that the claim speaks of, 1 each; all where absent. */
  readonly rows?: Uint8Array;
  /** Which rows by state: those that keep a key, those that keep none and have a contract, or both (the default). */
  readonly states?: 'kept' | 'empty' | 'both';
}

/** Every number of one answer lies in the interval of its expectation; NaN exactly where NaN is due. */
export function agrees(
  context: PropertyContext,
  c: AttentionCase,
  answer: Answer,
  expectation: Expectation,
  { of = 'output', with: other = 'the definition', rows, states = 'both' }: Agreement = {},
): Violation | undefined {
  const actual = answer[of]?.data;
  if (actual === undefined) return undefined;
  const interval = expectation[of];
  const width = of === 'output' ? features(c) : c.key.shape[2];
  const bad: BadRow[] = [];
  let compared = 0;
  const all = rowsOf(c);
  for (let r = 0; r < all.length; r += 1) {
    if (rows !== undefined && rows[r] === 0) continue;
    const state = expectation.rows[r];
    if (state === RowState.outOfRange || state === RowState.unspecified) {
      context.tally(state === RowState.outOfRange ? 'out_of_range' : 'empty', 1);
      continue;
    }
    const empty = state === RowState.empty;
    if (empty ? states === 'kept' : states === 'empty') continue;
    compared += 1;
    context.tally(!empty && expectation.blind[r] === 1 ? 'blind' : 'compared', 1);
    const worst = worstInside(interval, actual, r * width, width, of === 'scores');
    if (worst !== undefined) bad.push({ at: all[r], second: all[r], ...worst });
  }
  if (bad.length === 0) return undefined;
  bad.sort((a, b) => b.excess - a.excess);
  const start = rowNumber(c, bad[0].at) * width;
  const slice = (data: Float64Array) => Array.from(data.subarray(start, start + width));
  return {
    summary: sentence(bad, compared, of, other, slice(actual), slice(interval.centre), slice(interval.radius)),
    rows: bad.map(({ at }) => at),
    cells: [],
    numbers: {
      of,
      at: bad[0].at,
      actual: slice(actual),
      expected: slice(interval.centre),
      allowed: slice(interval.radius),
    },
  };
}

/** The number that is farthest outside its interval; undefined where none is. */
function worstInside(
  { centre, low, high, radius }: Interval,
  actual: Float64Array,
  start: number,
  width: number,
  skipNaN: boolean,
): { excess: number; off: number } | undefined {
  let worst: { excess: number; off: number } | undefined;
  for (let n = start; n < start + width; n += 1) {
    const number = actual[n];
    if (Number.isNaN(low[n])) {
      if (skipNaN || Number.isNaN(number)) continue;
    } else if (number >= low[n] && number <= high[n]) continue;
    const off = Math.abs(number - centre[n]);
    const excess = Number.isNaN(off) ? Infinity : off / radius[n];
    if (worst === undefined || excess > worst.excess) worst = { excess, off: Number.isNaN(off) ? NaN : off };
  }
  return worst;
}

function countRows(c: AttentionCase, rows?: Uint8Array): number {
  if (rows === undefined) return c.query.shape[0] * c.query.shape[1] * c.query.shape[2];
  let count = 0;
  for (const row of rows) count += row;
  return count;
}

/** The finding out of the rows that are wrong; undefined without any. */
/** What the definition says of both sides, and how far they may be apart. */
interface Definition {
  readonly allowed: (r1: number, r2: number, d: number) => number;
  readonly first: Interval;
  readonly second: Interval;
}

function violation(
  bad: BadRow[],
  compared: number,
  [c1, a1]: Side,
  [c2, a2]: Side,
  { with: other = 'its twin', cells = [] }: Comparison,
  definition?: Definition,
): Violation | undefined {
  if (bad.length === 0) return undefined;
  bad.sort((a, b) => b.excess - a.excess);
  const { at, second } = bad[0];
  const width = Math.min(features(c1), features(c2));
  const r1 = rowNumber(c1, at);
  const r2 = rowNumber(c2, second);
  const slice = (numbers: Float64Array, row: number, n: number) =>
    Array.from(numbers.subarray(row * n, row * n + width));
  const one = slice(a1.output.data, r1, features(c1));
  const two = slice(a2.output.data, r2, features(c2));
  const bounds = definition && one.map((_, d) => definition.allowed(r1, r2, d));
  return {
    summary: sentence(bad, compared, 'output', other, two, one, bounds),
    rows: bad.map((row) => row.at),
    cells,
    numbers: definition
      ? worseSide(
          { of: 'output', at, actual: one, interval: definition.first, from: r1 * features(c1) },
          { of: 'twin output', at: second, actual: two, interval: definition.second, from: r2 * features(c2) },
        )
      : { of: 'output', at, actual: two, expected: one },
  };
}

interface SideRow {
  readonly of: string;
  readonly at: RowIndex;
  readonly actual: readonly number[];
  readonly interval: Interval;
  /** Where the row begins in the interval. */
  readonly from: number;
}

/** Two answers that ought to agree: the numbers of the one that is farther from the definition, beside the definition's. */
function worseSide(...sides: readonly [SideRow, SideRow]): Violation['numbers'] {
  const told = sides.map(({ of, at, actual, interval, from }) => {
    const expected = actual.map((_, d) => interval.centre[from + d]);
    const allowed = actual.map((_, d) => interval.radius[from + d]);
    const excess = Math.max(
      ...actual.map((x, d) => (Number.isNaN(x) ? Infinity : Math.abs(x - expected[d]) / allowed[d])),
    );
    return { excess, numbers: { of, at, actual, expected, allowed } };
  });
  return (told[1].excess > told[0].excess ? told[1] : told[0]).numbers;
}

/** '2 of 8 rows of the output differ from the additive twin; the worst, at b=0 h=1 i=2, is off by 0.25 where 1.2e-6 is allowed.' */
function sentence(
  bad: readonly BadRow[],
  compared: number,
  of: string,
  other: string,
  actual: readonly number[],
  expected: readonly number[],
  allowed: readonly number[] | undefined,
): string {
  const { at, off } = bad[0];
  const head = `${bad.length} of ${compared} ${compared === 1 ? 'row' : 'rows'} of the ${of} ${bad.length === 1 ? 'differs' : 'differ'} from ${other}`;
  const where = `${bad.length === 1 ? 'it' : 'the worst'}, at b=${at.b} h=${at.h} i=${at.i},`;
  const odd = actual.findIndex((x, d) => Number.isNaN(x) !== Number.isNaN(expected[d]));
  if (odd >= 0) return `${head}; ${where} is ${show(actual[odd])} where ${show(expected[odd])} is due.`;
  if (actual.every(Number.isNaN)) return `${head}; ${where} is NaN where a number is due.`;
  if (allowed === undefined) return `${head}; ${where} is off by ${show(off)} where not one bit may change.`;
  const at1 = actual.findIndex((x, d) => Math.abs(x - expected[d]) === off);
  return `${head}; ${where} is off by ${show(off)} where ${at1 < 0 ? 'less' : show(allowed[at1])} is allowed.`;
}

/** A number as a sentence has it. */
export function show(x: number): string {
  return Number.isFinite(x) ? String(Number(x.toPrecision(3))) : String(x);
}
