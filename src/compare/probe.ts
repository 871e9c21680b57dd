/**
 * The support probe: values that are blocks of the identity matrix, so that the output is the weights. A dropped cell must be exactly 0 and a
 * kept one must not be. It sees one leaked cell at any length and precision, without any tolerance.
 */
import type { AttentionCase } from '../../reference/case';
import { rowAt, sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { RowState } from '../../reference/expectation';
import { keepGrid } from '../../reference/masks';
import type { ResolvedSupports } from '../backend';
import type { Answer, CellIndex, PropertyContext, RowIndex, Violation } from '../property';
import { precisionOf } from '../supports';
import { rowNumber } from './compare';

/** More calls than this for one probe, and the values are made as wide as the keys are many, where the backend takes that. */
const manyBlocks = 8;

/**
 * ceil(kv_len / v_head_dim) cases: value j of case n is 1 in feature j - n v_head_dim and 0 elsewhere.
 * A single case with v_head_dim = kv_len where that would be many and `supports` says that it is taken.
 */
export function probeCases(c: AttentionCase, supports?: Pick<ResolvedSupports, 'valueDim'>): AttentionCase[] {
  const { batch, numKvHeads, kvLen, vHeadDim } = sizesOf(c);
  const width = supports?.valueDim && kvLen > manyBlocks * vHeadDim ? kvLen : vHeadDim;
  const shape = [batch, numKvHeads, kvLen, width];
  return Array.from({ length: Math.ceil(kvLen / width) }, (_, n) => {
    const data = new Float64Array(batch * numKvHeads * kvLen * width);
    for (let head = 0; head < batch * numKvHeads; head += 1) {
      for (let d = 0; d < width && n * width + d < kvLen; d += 1) {
        data[(head * kvLen + n * width + d) * width + d] = 1;
      }
    }
    return { ...c, value: { dtype: c.value.dtype, shape, data }, want: {}, gradOutput: undefined };
  });
}

/** The weights [batch, num_heads, q_len, kv_len] out of the answers to `probeCases(c, supports)`, in their order. */
export function readProbe(c: AttentionCase, answers: readonly Answer[]): Float64Array {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const width = answers[0].output.shape[3];
  const weights = new Float64Array(batch * numHeads * qLen * kvLen);
  for (let row = 0; row < batch * numHeads * qLen; row += 1) {
    for (let j = 0; j < kvLen; j += 1) {
      const n = Math.floor(j / width);
      weights[row * kvLen + j] = answers[n].output.data[row * width + (j - n * width)];
    }
  }
  return weights;
}

/** What a probe found. */
export interface ProbeFindings {
  /** Dropped, yet used (or NaN). */
  readonly leaked: readonly CellIndex[];
  /** Kept and heavy enough to show, yet unused (or NaN). */
  readonly ignored: readonly CellIndex[];
  /** Rows that were judged; rows that keep nothing, or may overflow, are not. */
  readonly compared: number;
  readonly empty: number;
  readonly outOfRange: number;
}

/** Judges weights that were read off the output. The definition is asked only when a cell is odd. */
export function judgeProbe(context: PropertyContext, c: AttentionCase, weights: Float64Array): ProbeFindings {
  const { kvLen } = sizesOf(c);
  const keep = keepGrid(c, context.supports);
  const states = rowStates(c, keep);
  const odd: { cell: CellIndex; row: number; at: number }[] = [];
  for (let row = 0; row < states.length; row += 1) {
    if (states[row] === RowState.empty) continue;
    for (let j = 0; j < kvLen; j += 1) {
      const at = row * kvLen + j;
      const fits = keep[at] === 1 ? weights[at] !== 0 && !Number.isNaN(weights[at]) : weights[at] === 0;
      if (!fits) odd.push({ cell: { ...rowAt(c, row), j }, row, at });
    }
  }
  let outOfRange = 0;
  const leaked: CellIndex[] = [];
  const ignored: CellIndex[] = [];
  if (odd.length > 0) {
    const probe = probeCases(c)[0];
    const expected = context.expect(probe);
    const skip = new Set<number>();
    const isHeavy = heavyCells(context, probe);
    for (const { cell, row, at } of odd) {
      if (expected.rows[row] !== RowState.ok) skip.add(row);
      else if (keep[at] === 0) leaked.push(cell);
      else if (Number.isNaN(weights[at]) || isHeavy(row, at)) ignored.push(cell);
    }
    outOfRange = skip.size;
  }
  const empty = states.reduce((n, state) => n + (state === RowState.empty ? 1 : 0), 0);
  return { leaked, ignored, compared: states.length - empty - outOfRange, empty, outOfRange };
}

/**
 * Which kept cells must show, by row and index in [batch, num_heads, q_len, kv_len]: those whose weight, as small as the declared errors of
 * all scores of the row can make it, is still 4 times what the accumulator, the stored weights, the output or exp may flush to zero.
 * A bound on |score| alone is not enough: where scores are stored in half precision, or a bias of -1e9 swallows them, their error moves a
 * weight by orders of magnitude.
 */
export function heavyCells(context: PropertyContext, probe: AttentionCase): (row: number, at: number) => boolean {
  const { kvLen } = sizesOf(probe);
  const { dtype } = probe.query;
  const { accumulate, weights, output, exp, fusedExp2 = 0 } = precisionOf(context.supports, dtype);
  const types = [accumulate.type, weights?.type, output, dtype].filter((type) => type !== undefined);
  const least = 4 * Math.max(...types.map((type) => finfo[type].min), exp.tiny);
  const roundoff = accumulate.unitRoundoff ?? finfo[accumulate.type].u;
  const { scores, keep } = context.expect(probe);
  return (row, at) => {
    const cells = Array.from({ length: kvLen }, (_, j) => row * kvLen + j).filter((cell) => keep[cell] === 1);
    const highest = Math.max(...cells.map((cell) => scores.centre[cell] + scores.radius[cell]));
    const size = Math.max(...cells.map((cell) => Math.abs(scores.centre[cell]) + scores.radius[cell]));
    // What the logarithm of a weight may be off by: its score, the subtraction of the largest, and the shift of a fused exp2.
    const error = (cell: number) => {
      const far = highest - scores.centre[cell] + scores.radius[cell];
      return scores.radius[cell] + roundoff * (far + fusedExp2 * size);
    };
    const top = Math.max(...cells.map((cell) => scores.centre[cell] + error(cell)));
    const sum = cells.reduce((total, cell) => total + Math.exp(scores.centre[cell] + error(cell) - top), 0);
    return Math.exp(scores.centre[at] - error(at) - top) / sum >= least;
  };
}

/** What a probe found, as a finding; counts its rows. `only`: leaks alone, or ignored keys alone; `where`: the cells that the claim speaks of. */
export function probeViolation(
  context: PropertyContext,
  c: AttentionCase,
  weights: Float64Array,
  only?: 'leaked' | 'ignored',
  where: (cell: CellIndex) => boolean = () => true,
): Violation | undefined {
  const findings = judgeProbe(context, c, weights);
  context.tally('compared', findings.compared);
  context.tally('empty', findings.empty);
  context.tally('out_of_range', findings.outOfRange);
  const leaked = only === 'ignored' ? [] : findings.leaked.filter(where);
  const ignored = only === 'leaked' ? [] : findings.ignored.filter(where);
  const cells = [...leaked, ...ignored];
  if (cells.length === 0) return undefined;
  const rows = distinctRows(c, cells);
  const { kvLen } = sizesOf(c);
  const first = ((rows[0].b * c.query.shape[1] + rows[0].h) * c.query.shape[2] + rows[0].i) * kvLen;
  const expected = context.expect(probeCases(c)[0]).weights.centre;
  return {
    summary: cellSentence(leaked.length, ignored.length),
    rows,
    cells,
    numbers: {
      of: 'weights',
      at: rows[0],
      actual: Array.from(weights.subarray(first, first + kvLen)),
      expected: Array.from(expected.subarray(first, first + kvLen)),
    },
  };
}

function cellSentence(leaked: number, ignored: number): string {
  const count = (n: number, kind: string) => `${n} ${kind} ${n === 1 ? 'key is' : 'keys are'}`;
  const parts = [
    ...(leaked > 0 ? [`${count(leaked, 'dropped')} used`] : []),
    ...(ignored > 0 ? [`${count(ignored, 'kept')} not used`] : []),
  ];
  return `With values that are the identity matrix, ${parts.join(' and ')}, counted over every query.`;
}

/** The rows of cells, those with most cells first. */
function distinctRows(c: AttentionCase, cells: readonly CellIndex[]): RowIndex[] {
  const counts = new Map<number, number>();
  for (const cell of cells) {
    const row = rowNumber(c, cell);
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  return [...counts].sort(([, n], [, m]) => m - n).map(([row]) => rowAt(c, row));
}

/** Which rows keep a key, before the definition is asked. */
function rowStates(c: AttentionCase, keep: Uint8Array): Uint8Array {
  const kvLen = c.key.shape[2];
  const states = new Uint8Array(keep.length / kvLen).fill(RowState.empty);
  for (let at = 0; at < keep.length; at += 1) if (keep[at] === 1) states[Math.floor(at / kvLen)] = RowState.ok;
  return states;
}
