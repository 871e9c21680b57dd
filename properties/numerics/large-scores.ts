import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { RowState } from '../../reference/expectation';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf, show } from '../../src/compare/compare';
import { probeCases, readProbe } from '../../src/compare/probe';
import type { CellIndex, PropertyContext, Violation } from '../../src/property';
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

/** What the definition allows every weight to be, [batch, num_heads, q_len, kv_len], read off the probes like the answer. */
function allowedWeights(context: PropertyContext, c: AttentionCase, probes: readonly AttentionCase[]) {
  const expected = probes.map((probe) => context.expect(probe));
  const read = (which: 'centre' | 'low' | 'high') =>
    readProbe(
      c,
      expected.map(({ output }) => ({ output: { ...c.query, data: output[which] }, changed: [] })),
    );
  return {
    centre: read('centre'),
    low: read('low'),
    high: read('high'),
    rows: expected[0].rows,
    keep: expected[0].keep,
  };
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
    const probes = probeCases(c);
    const weights = readProbe(c, await context.attend(probes));
    const { centre, low, high, rows, keep } = allowedWeights(context, c, probes);
    const { kvLen } = sizesOf(c);
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
      const { b, h, i } = all[row];
      // Kept keys by how much they must weigh at least: each must outweigh every one that may weigh less at the most.
      const kept = Array.from({ length: kvLen }, (_, j) => j).filter((j) => keep[start + j] === 1);
      for (const j of kept) {
        const weight = weights[start + j];
        const lighter = kept.find((k) => high[start + k] < low[start + j] && !(weights[start + k] < weight));
        if (Number.isFinite(weight) && lighter === undefined) continue;
        cells.push({ b, h, i, j });
        said ??= Number.isFinite(weight)
          ? `key ${j} has the weight ${show(weight)} and key ${lighter} ${show(weights[start + (lighter ?? 0)])}, although its score is lower`
          : `the weight of key ${j} is ${show(weight)}`;
      }
    }
    return cells.length === 0 ? undefined : found(c, cells, weights, centre, said ?? '');
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
