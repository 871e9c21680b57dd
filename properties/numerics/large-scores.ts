import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { RowState } from '../../reference/expectation';
import { range } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf, show } from '../../src/compare/compare';
import { probeCases, readProbe } from '../../src/compare/probe';
import type { CellIndex, Violation } from '../../src/property';
import { defineProperty } from '../../src/property';

/** The longest vector of [batch, heads, tokens, features]. */
function longest({ data, shape }: AttentionCase['query']): number {
  const features = shape[3];
  let most = 0;
  for (let start = 0; start < data.length; start += features) {
    let square = 0;
    for (let d = 0; d < features; d += 1) square += data[start + d] ** 2;
    most = Math.max(most, square);
  }
  return Math.sqrt(most);
}

/** exp overflows at 88 in float32 and at 11 in float16, and every guard against it (a clamp, a floor, a clip) is wrong for some row. */
export default defineProperty({
  id: 'numerics/large-scores',
  statement: 'Large scores give finite weights, and a larger one where a score is larger by more than the errors.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, { contents: ['large'] }),
  guard: (c) => longest(c.query) * longest(c.key) * Math.max(1, c.scale) <= finfo[c.query.dtype].max / 4,
  async check(context, c) {
    const probes = probeCases(c, context.supports);
    const weights = readProbe(c, await context.attend(probes));
    const { rows, keep, weights: expected } = context.expect(probes[0]);
    const { kvLen } = sizesOf(c);
    const { vHeadDim } = sizesOf(probes[0]);
    /** The least or the most that the weight of key j may come out as, in the probe that shows it. */
    const bound = (which: 'low' | 'high', row: number, j: number): number => {
      const n = Math.floor(j / vHeadDim);
      return context.expect(probes[n]).output[which][row * vHeadDim + j - n * vHeadDim];
    };
    const smallest = finfo[c.query.dtype].min;
    const all = rowsOf(c);

    const cells: CellIndex[] = [];
    let said: string | undefined;
    for (let row = 0; row < all.length; row += 1) {
      if (rows[row] !== RowState.ok) {
        context.tally(rows[row] === RowState.outOfRange ? 'out_of_range' : 'empty', 1);
        continue;
      }
      context.tally('compared', 1);
      const start = row * kvLen;
      const kept = range(kvLen).filter((j) => keep[start + j] === 1);
      for (const j of kept) {
        const weight = weights[start + j];
        const due = expected.centre[start + j];
        // Only what is out of order, and heavy enough to be seen, is worth the definition's bounds.
        const lighter = kept.find(
          (k) =>
            due >= smallest &&
            expected.centre[start + k] < due &&
            !(weights[start + k] < weight) &&
            bound('high', row, k) < bound('low', row, j),
        );
        if (Number.isFinite(weight) && lighter === undefined) continue;
        cells.push({ ...all[row], j });
        said ??= Number.isFinite(weight)
          ? `key ${j} has the weight ${show(weight)} and key ${lighter} ${show(weights[start + (lighter ?? 0)])}, although its score is lower`
          : `the weight of key ${j} is ${show(weight)}`;
      }
    }
    return cells.length === 0 ? undefined : found(c, cells, weights, expected.centre, said ?? '');
  },
});

function found(
  c: AttentionCase,
  cells: CellIndex[],
  weights: Float64Array,
  expected: Float64Array,
  said: string,
): Violation {
  const { numHeads, qLen, kvLen } = sizesOf(c);
  const [{ b, h, i }] = cells;
  const start = ((b * numHeads + h) * qLen + i) * kvLen;
  const rows = rowsOf(c).filter((row) =>
    cells.some((cell) => cell.b === row.b && cell.h === row.h && cell.i === row.i),
  );
  return {
    summary: `Scores are large, and at b=${b} h=${h} i=${i} ${said}.`,
    rows,
    cells,
    numbers: {
      of: 'weights',
      at: { b, h, i },
      actual: Array.from(weights.subarray(start, start + kvLen)),
      expected: Array.from(expected.subarray(start, start + kvLen)),
    },
  };
}
