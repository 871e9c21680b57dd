/** Two questions about keys and values: does a dropped one touch a row, and does a kept one. */
import type { AttentionCase } from '../../reference/case';
import { RowState } from '../../reference/expectation';
import { extremes, interventions, kvHeadOf, withValuesMoved, type KeySet } from '../arbitraries/changes';
import type { CellIndex, PropertyContext, RowIndex, Violation } from '../property';
import { identical, rowNumber, rowsOf, show, type Side } from './compare';
import { probeCases, probeViolation, readProbe } from './probe';

export interface Leaks {
  /** The keys to overwrite, one call a set. */
  readonly sets: readonly KeySet[];
  /** Also with scores as far apart as they may be. */
  readonly extremes?: true;
  /** Sends the support probe as well: leaks alone, or both ways. */
  readonly probe?: 'leaked' | 'both';
  /** The cells that the probe's verdict is about; all where absent. */
  readonly where?: (cell: CellIndex) => boolean;
}

/** Overwrites each set of keys by other finite numbers: rows that keep none of them stay as they were, bit for bit. */
export async function leaks(
  context: PropertyContext,
  c: AttentionCase,
  keep: Uint8Array,
  { sets, probe, where, extremes: isExtreme }: Leaks,
): Promise<Violation | undefined> {
  const changes = interventions(c, keep, sets);
  const probes = probe === undefined ? [] : probeCases(c, context.supports);
  const far = isExtreme && extremes(c, keep);
  if (changes.length === 0 && probes.length === 0) return undefined;
  const pair = far ? [far.low, far.apart] : [];
  const [before, ...answers] = await context.attend([c, ...changes.map((change) => change.c), ...probes, ...pair]);
  for (const [n, change] of changes.entries()) {
    const found = identical(context, [c, before], [change.c, answers[n]], {
      with: 'what it was before keys that it does not keep were overwritten',
      rows: change.rows,
    });
    if (found !== undefined) return found;
  }
  if (far) {
    const [low, apart] = answers.slice(-2);
    const found = identical(context, [far.low, low], [far.apart, apart], {
      with: 'what it was before the scores of keys that it does not keep were made as large as they may be',
      rows: far.rows,
      inRange: true,
    });
    if (found !== undefined) return found;
  }
  if (probe === undefined) return undefined;
  const weights = readProbe(c, answers.slice(changes.length, changes.length + probes.length));
  return probeViolation(context, c, weights, probe === 'both' ? undefined : probe, where);
}

/** How far a value is moved: far enough that its weight, and not its size, decides whether that shows. */
const far = 1024;

/** The case with the values of key j moved, in every batch row and head. */
export function withKeyMoved(c: AttentionCase, key: number): AttentionCase {
  return withValuesMoved(c, (_b, _hkv, j) => j === key, far);
}

/** The cells of a column that keep, by a grid [batch, num_heads, q_len, kv_len]. */
export function keptInColumn(c: AttentionCase, keep: Uint8Array, j: number): CellIndex[] {
  const kvLen = c.key.shape[2];
  return rowsOf(c).flatMap((row, n) => (keep[n * kvLen + j] === 1 ? [{ ...row, j }] : []));
}

/** Kept cells whose value moved, yet whose row did not, although the exact answer moved farther than both radii together. */
export function unmoved(
  context: PropertyContext,
  [c1, a1]: Side,
  [c2, a2]: Side,
  cells: readonly CellIndex[],
): Violation | undefined {
  const width = c1.value.shape[3];
  const still = cells.filter((cell) => {
    const start = rowNumber(c1, cell) * width;
    for (let n = start; n < start + width; n += 1) if (a1.output.data[n] !== a2.output.data[n]) return false;
    return true;
  });
  context.tally('compared', cells.length - still.length);
  if (still.length === 0) return undefined;
  const e1 = context.expect(c1);
  const e2 = context.expect(c2);
  const bad = still.filter((cell) => {
    const row = rowNumber(c1, cell);
    if (e1.rows[row] !== RowState.ok || e2.rows[row] !== RowState.ok) {
      context.tally('out_of_range', 1);
      return false;
    }
    for (let n = row * width; n < (row + 1) * width; n += 1) {
      const moved = Math.abs(e1.output.centre[n] - e2.output.centre[n]);
      if (moved > 2 * (e1.output.radius[n] + e2.output.radius[n])) {
        context.tally('compared', 1);
        return true;
      }
    }
    context.tally('blind', 1);
    return false;
  });
  if (bad.length === 0) return undefined;
  const [{ b, h, i, j }] = bad;
  const at: RowIndex = { b, h, i };
  const start = rowNumber(c1, at) * width;
  const slice = (data: Float64Array) => Array.from(data.subarray(start, start + width));
  const value = c2.value.data[((b * c2.value.shape[1] + kvHeadOf(c2, h)) * c2.value.shape[2] + j) * width];
  return {
    summary: `${bad.length} of ${cells.length} kept keys changed nothing when their values were moved; the first is key ${j} of the query at b=${b} h=${h} i=${i}, moved to ${show(value)}.`,
    rows: bad.map((cell) => ({ b: cell.b, h: cell.h, i: cell.i })),
    cells: bad,
    numbers: {
      of: 'output',
      at,
      actual: slice(a2.output.data),
      expected: slice(e2.output.centre),
      allowed: slice(e2.output.radius),
    },
  };
}
