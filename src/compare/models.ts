/** How logits of whole models are compared: bit for bit, or within a multiple of the error that the model makes without any mask. */
import type { FloatTensor, FloatType } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { isReal, modelSizesOf, type ModelCase } from '../../reference/model-case';
import type { ModelSupports } from '../backend';
import type { ModelAnswer, ModelContext, RowIndex, Violation } from '../property';

/** A call and what was answered to it. */
export type ModelSide = readonly [c: ModelCase, answer: ModelAnswer];

/** How many times the error of the call without a mask each of two sides may be off. docs/numerics.md says why. */
const MULTIPLE = 8;
/**
 * However wrong the model is without a mask: no more roundoffs than this, or what leaks could hide behind them. Of bfloat16 256 are the
 * largest logit itself, so there are fewer of the half dtypes: two sides may never differ by more than half of the largest logit in
 * bfloat16, and a quarter in float16.
 */
const mostRoundoffs: Readonly<Record<FloatType, number>> = { float64: 256, float32: 256, float16: 32, bfloat16: 8 };

/** What a side is compared with. */
export interface ModelTwin {
  readonly side: ModelSide;
  /** How the summary names it. */
  readonly name: string;
  /** Positions of the first side that the claim speaks of; real tokens where absent. */
  readonly at?: (b: number, i: number) => boolean;
  /** Where a position of the first side stands in the twin; the same where absent. */
  readonly map?: (b: number, i: number) => readonly [b: number, i: number];
}

interface Difference {
  readonly at: RowIndex;
  readonly second: readonly [number, number];
  /** By how much of what is allowed; Infinity where a number became NaN, or where it was to stay the same bits. */
  readonly excess: number;
}

/** Bit for bit, for calls of one shape; a backend that does not promise that is judged by what rounding may do. */
export async function identicalLogits(
  context: ModelContext,
  one: ModelSide,
  twins: readonly ModelTwin[],
): Promise<Violation | undefined> {
  return context.model.bitwise ? judge(context, one, twins, undefined) : withinLogits(context, one, twins);
}

/** Within what rounding may do to two right answers, measured on the call without a mask. */
export async function withinLogits(
  context: ModelContext,
  one: ModelSide,
  twins: readonly ModelTwin[],
): Promise<Violation | undefined> {
  return judge(context, one, twins, await allowedDifference(context, one[0]));
}

function judge(
  context: ModelContext,
  one: ModelSide,
  twins: readonly ModelTwin[],
  allowed: number | undefined,
): Violation | undefined {
  for (const twin of twins) {
    const { found, compared } = differences(one, twin, allowed ?? 0);
    context.tally('compared', compared);
    if (found.length > 0) return violation(one, twin, found, allowed);
  }
  return undefined;
}

/** The largest difference that two right answers to a case can have: a multiple of the error of its plain call. */
async function allowedDifference(context: ModelContext, c: ModelCase): Promise<number> {
  return 2 * allowedError(c.dtype, await context.forward(plainCalls(c, context.model)));
}

/** The calls that tell how far a model is off: the case without its mask and, where the model has a finer dtype, the same in that. */
export function plainCalls(c: ModelCase, { dtypes }: ModelSupports): ModelCase[] {
  const plain: ModelCase = { tokens: c.tokens, dtype: c.dtype, want: {} };
  const finer = (['float64', 'float32'] as const).find(
    (one) => finfo[one].u < finfo[c.dtype].u && dtypes.includes(one),
  );
  return finer === undefined ? [plain] : [plain, { ...plain, dtype: finer }];
}

/** How far a right answer may be off, out of the answers to `plainCalls`. */
export function allowedError(dtype: FloatType, [rounded, exact]: readonly Pick<ModelAnswer, 'logits'>[]): number {
  const size = (exact ?? rounded).logits.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const unit = finfo[dtype].u * size;
  // What nobody can measure may be as large as it is ever allowed to be.
  const error = exact === undefined ? Infinity : largestDifference(rounded.logits, exact.logits);
  return MULTIPLE * Math.min(mostRoundoffs[dtype] * unit, Math.max(unit, error));
}

function largestDifference(a: FloatTensor, b: FloatTensor): number {
  return a.data.reduce((most, x, n) => Math.max(most, Math.abs(x - b.data[n])), 0);
}

function differences([c, a]: ModelSide, { side: [, b], at, map }: ModelTwin, allowed: number) {
  const { batch, seqLen } = modelSizesOf(c);
  const found: Difference[] = [];
  let compared = 0;
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < seqLen; i++) {
      if (!(at === undefined ? isReal(c, row, i) : at(row, i))) continue;
      compared++;
      const second = map === undefined ? ([row, i] as const) : map(row, i);
      const excess = excessOf(a.logits, b.logits, [row, i], second, allowed);
      if (excess > 1) found.push({ at: { b: row, h: 0, i }, second, excess });
    }
  }
  return { found, compared };
}

/** The largest difference between two positions, as a share of what is allowed. */
export function excessOf(
  a: FloatTensor,
  b: FloatTensor,
  first: readonly [number, number],
  second: readonly [number, number],
  allowed: number,
): number {
  const one = logitsAt(a, first);
  const other = logitsAt(b, second);
  let most = 0;
  for (let n = 0; n < one.length; n++) {
    // A NaN that stays one is for the law of finite logits to tell.
    if (one[n] === other[n] || (Number.isNaN(one[n]) && Number.isNaN(other[n]))) continue;
    const off = Math.abs(one[n] - other[n]);
    most = Math.max(most, Number.isNaN(off) || allowed === 0 ? Infinity : off / allowed);
  }
  return most;
}

/** [vocab]: the logits of a position. */
export function logitsAt(
  { shape: [, seqLen, vocab], data }: FloatTensor,
  [b, i]: readonly [number, number],
): Float64Array {
  const start = (b * seqLen + i) * vocab;
  return data.subarray(start, start + vocab);
}

function violation(
  [c, a]: ModelSide,
  { side: [, b], name }: ModelTwin,
  found: readonly Difference[],
  allowed: number | undefined,
): Violation {
  const sorted = [...found].sort((x, y) => (x.excess === y.excess ? 0 : y.excess - x.excess));
  const [{ at, second }] = sorted;
  const actual = Array.from(logitsAt(a.logits, [at.b, at.i]));
  const expected = Array.from(logitsAt(b.logits, second));
  const off = actual.reduce((most, x, n) => Math.max(most, x === expected[n] ? 0 : Math.abs(x - expected[n])), 0);
  const where = c.tokens.shape[0] > 1 ? `token ${at.i} of row ${at.b}` : `token ${at.i}`;
  const due = allowed === undefined ? 'the same bits are due' : `${allowed.toPrecision(3)} is allowed`;
  const more = sorted.length > 1 ? `; ${sorted.length} tokens differ` : '';
  return {
    summary: `The logits of ${where} are off by ${off.toPrecision(3)} from ${name}, where ${due}${more}.`,
    rows: sorted.map((one) => one.at),
    cells: [],
    numbers: {
      of: 'logits',
      at,
      actual,
      expected,
      ...(allowed !== undefined && { allowed: actual.map(() => allowed) }),
    },
  };
}
