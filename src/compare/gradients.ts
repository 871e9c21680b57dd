/** What the properties of gradients share: their cases, and how a wrong gradient of a query, a key or a value is told. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import type { GradientInterval } from '../../reference/gradient-radius';
import { contractOf } from '../../reference/masks';
import type { CaseConstraints } from '../arbitraries/constraints';
import { narrow } from '../arbitraries/narrow';
import { hasEmptyRows } from '../arbitraries/rows';
import type { ResolvedSupports } from '../backend';
import type { Answer, CellIndex, PropertyContext, RowIndex, Violation } from '../property';

type Input = 'query' | 'key' | 'value';

/** Contracts under which nothing is known of a gradient that a row without a key has part in. */
const boundless: readonly string[] = ['nan', 'unspecified'];

/** Cases that ask for gradients. */
export function gradientCases(domain: CaseConstraints, { fullyMaskedRow }: ResolvedSupports): CaseConstraints {
  const never = Object.values(fullyMaskedRow).every((contract) => boundless.includes(contract));
  return narrow(domain, { want: { gradients: true }, emptyRows: never ? 'never' : 'allow' });
}

/** Rows without a key are spoken of where their contract gives them a value. */
export function hasGradients(c: AttentionCase, supports: ResolvedSupports): boolean {
  return !boundless.includes(contractOf(c, supports)) || !hasEmptyRows(c, supports.causal);
}

export function askingForGradients(c: AttentionCase): AttentionCase {
  return { ...c, want: { ...c.want, gradients: true } };
}

/** The rows, numbered as in [batch, num_heads, q_len], whose queries read the `group`-th head of keys in [batch, num_kv_heads]. */
export function queriesOf(c: AttentionCase, group: number): number[] {
  const { numHeads, numKvHeads, qLen } = sizesOf(c);
  const count = (numHeads / numKvHeads) * qLen;
  return Array.from({ length: count }, (_, n) => group * count + n);
}

export interface GradientClaim {
  /** All where absent. */
  readonly of?: readonly Input[];
  /** Which vectors, numbered as in [batch, heads, length], are spoken of; all where absent. */
  readonly speaksOf?: (vector: number) => boolean;
  /** What every number is that is claimed to be one; within its interval where absent. */
  readonly isExactly?: (x: number) => boolean;
  /** The cells of a wrong key are in question. */
  readonly marksDropped?: true;
  /** What is wrong with it: 'is NaN where 0.5 is due'. */
  readonly say: (x: number, due: GradientInterval, n: number) => string;
}

/** A vector that is wrong, and its worst number. */
interface Bad {
  readonly of: Input;
  readonly vector: number;
  readonly n: number;
  readonly excess: number;
}

/**
 * The vectors of the gradients that a claim does not hold of; undefined without any. Counts them all. Where every number is exactly
 * what it ought to be, the definition is not asked.
 */
export function wrongGradients(
  context: PropertyContext,
  c: AttentionCase,
  { gradients }: Answer,
  { of = ['query', 'key', 'value'], speaksOf = () => true, isExactly, marksDropped, say }: GradientClaim,
): Violation | undefined {
  if (gradients === undefined) return undefined;
  const vectors = of.flatMap((input) => {
    const [batch, heads, length] = c[input].shape;
    const all = Array.from({ length: batch * heads * length }, (_, vector) => vector);
    return all.filter(speaksOf).map((vector) => ({ of: input, vector, start: vector * c[input].shape[3] }));
  });
  const numbersOf = ({ of: input, start }: { of: Input; start: number }) =>
    gradients[input].data.subarray(start, start + c[input].shape[3]);
  if (isExactly && vectors.every((vector) => numbersOf(vector).every(isExactly))) {
    context.tally('compared', vectors.length);
    return undefined;
  }
  const expected = context.expect(c).gradients;
  if (expected === undefined) return undefined;
  const bad: Bad[] = [];
  let compared = 0;
  for (const { of: input, vector, start } of vectors) {
    const due = expected[input];
    const actual = gradients[input].data;
    let claimed = false;
    let worst: Bad | undefined;
    for (let n = start; n < start + c[input].shape[3]; n++) {
      if (due.high[n] === Infinity) continue;
      claimed = true;
      const x = actual[n];
      if (isExactly ? isExactly(x) : x >= due.low[n] && x <= due.high[n]) continue;
      const off = Math.abs(x - due.centre[n]);
      const excess = Number.isNaN(off) ? Infinity : off / due.radius[n];
      if (worst === undefined || excess > worst.excess) worst = { of: input, vector, n, excess };
    }
    context.tally(!claimed ? 'out_of_range' : !isExactly && due.blind[vector] === 1 ? 'blind' : 'compared', 1);
    if (claimed) compared++;
    if (worst) bad.push(worst);
  }
  if (bad.length === 0) return undefined;
  bad.sort((a, b) => b.excess - a.excess);
  const [{ of: input, vector, n }] = bad;
  const due = expected[input];
  const width = c[input].shape[3];
  const at = placeOf(c, input, vector);
  const slice = (data: Float64Array) => Array.from(data.subarray(vector * width, (vector + 1) * width));
  const head = `${bad.length} of ${compared} ${compared === 1 ? 'gradient' : 'gradients'} ${bad.length === 1 ? 'is' : 'are'} wrong`;
  return {
    summary: `${head}; ${bad.length === 1 ? 'that' : 'the worst, that'} of the ${input} at b=${at.b} h=${at.h} ${input === 'query' ? 'i' : 'j'}=${at.i} ${say(gradients[input].data[n], due, n)}.`,
    rows: unique(bad.flatMap((each) => rowsAt(c, each, context.expect(c).keep))),
    cells: marksDropped ? unique(bad.flatMap((each) => cellsAt(c, each))) : [],
    numbers: {
      of: `gradient of ${input}`,
      at,
      actual: slice(gradients[input].data),
      expected: slice(due.centre),
      allowed: slice(due.radius),
    },
  };
}

/** The place of a vector in [batch, heads, length]; `i` is the key where it is one of a key or a value. */
function placeOf(c: AttentionCase, of: Input, vector: number): RowIndex {
  const [, heads, length] = c[of].shape;
  return { b: Math.floor(vector / length / heads), h: Math.floor(vector / length) % heads, i: vector % length };
}

/** The queries that a wrong gradient comes from: those that keep the key, or all that read its head where none does. */
function rowsAt(c: AttentionCase, { of, vector }: Bad, keep: Uint8Array): RowIndex[] {
  if (of === 'query') return [placeOf(c, of, vector)];
  const kvLen = c.key.shape[2];
  const readers = queriesOf(c, Math.floor(vector / kvLen));
  const keepers = readers.filter((row) => keep[row * kvLen + (vector % kvLen)] === 1);
  return (keepers.length > 0 ? keepers : readers).map((row) => placeOf(c, 'query', row));
}

/** The cells of a key, in every query that reads its head. */
function cellsAt(c: AttentionCase, { vector }: Bad): CellIndex[] {
  const kvLen = c.key.shape[2];
  const readers = queriesOf(c, Math.floor(vector / kvLen));
  return readers.map((row) => ({ ...placeOf(c, 'query', row), j: vector % kvLen }));
}

function unique<T extends RowIndex | CellIndex>(places: readonly T[]): T[] {
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}
