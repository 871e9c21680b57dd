import { uint8Array } from '../../reference/small-arrays';
import type { MaskKind } from './constraints';
import type { Dice } from './dice';

/** What the cells of a mask are drawn for: [batch, heads, rows, columns], axes that are broadcast being 1. */
export interface CellShape {
  readonly batch: number;
  readonly heads: number;
  readonly rows: number;
  /** At least kv_len. */
  readonly columns: number;
  readonly qLen: number;
  readonly kvLen: number;
}

/** Kinds that say nothing about queries, and so fit a rank-2 mask. */
export const paddingKinds: readonly MaskKind[] = [
  'all',
  'left_padding',
  'right_padding',
  'interior_padding',
  'all_padding',
  'prefix',
  'random',
  'one_flipped',
];
const structured: readonly MaskKind[] = [
  'all',
  'causal',
  'window',
  'left_padding',
  'right_padding',
  'interior_padding',
  'documents',
  'prefix',
];
const structuredPaddings = structured.filter((kind) => paddingKinds.includes(kind));

/** The cells of a mask, 1 kept, row-major over `shape`. */
export function drawCells(dice: Dice, kind: MaskKind, shape: CellShape): Uint8Array<ArrayBuffer> {
  const cells = uint8Array(shape.batch * shape.heads * shape.rows * shape.columns);
  const perQuery = shape.rows > 1;
  if (kind === 'random') fillRandom(dice, cells);
  else if (kind === 'one_flipped') {
    fillStructured(dice, cells, shape, dice.pick(perQuery ? structured : structuredPaddings));
    const at = dice.int(0, cells.length - 1);
    cells[at] = 1 - cells[at];
  } else if (kind === 'empty_rows') {
    if (dice.chance(0.5)) fillRandom(dice, cells);
    else fillStructured(dice, cells, shape, dice.pick(structured));
    clearRows(dice, cells, shape.columns, cells.length / shape.columns);
  } else if (kind === 'all_padding') {
    fillStructured(dice, cells, shape, dice.pick(['left_padding', 'right_padding', 'interior_padding'] as const));
    clearRows(dice, cells, cells.length / shape.batch, shape.batch);
  } else fillStructured(dice, cells, shape, kind);
  return cells;
}

/** At least one of `count` runs of `length` cells, and a third of the others. */
function clearRows(dice: Dice, cells: Uint8Array, length: number, count: number): void {
  const sure = dice.int(0, count - 1);
  for (let n = 0; n < count; n++) if (n === sure || dice.chance(0.33)) cells.fill(0, n * length, (n + 1) * length);
}

/** Half of the masks have density 1/2, 32 cells a draw; the others are sparse or nearly full. */
function fillRandom(dice: Dice, cells: Uint8Array<ArrayBuffer>): void {
  if (dice.chance(0.5)) fillHalf(dice, cells);
  else fillShare(dice, cells, dice.pick([0.1, 0.25, 0.75, 0.9, 0.97]));
}

// Four cells at once: the bytes of a word are its four low bits, spread.
const spread = Uint32Array.from({ length: 16 }, (_, bits) => {
  const bytes = Uint8Array.from([bits & 1, (bits >> 1) & 1, (bits >> 2) & 1, (bits >> 3) & 1]);
  return new Uint32Array(bytes.buffer)[0];
});

/** Fair bits, 32 cells a draw. */
function fillHalf(dice: Dice, cells: Uint8Array<ArrayBuffer>): void {
  const whole = cells.length >>> 5;
  const words = new Uint32Array(cells.buffer, cells.byteOffset, whole * 8);
  for (let n = 0, at = 0; n < whole; n++) {
    const bits = dice.bits();
    for (let shift = 0; shift < 32; shift += 4) words[at++] = spread[(bits >>> shift) & 15];
  }
  for (let n = whole * 32, bits = dice.bits(); n < cells.length; n++, bits >>>= 1) cells[n] = bits & 1;
}

function fillShare(dice: Dice, cells: Uint8Array, share: number): void {
  const bound = Math.round(share * 0x10000);
  for (let n = 0; n < cells.length; n += 2) {
    const bits = dice.bits();
    cells[n] = (bits & 0xffff) < bound ? 1 : 0;
    // A write past the end of a typed array is no write.
    cells[n + 1] = bits >>> 16 < bound ? 1 : 0;
  }
}

/** A mask that somebody would write: what a query may see, and in half of the cases padding on top, for a mask without holes hides most mistakes. */
function fillStructured(dice: Dice, cells: Uint8Array, shape: CellShape, kind: MaskKind): void {
  const { batch, heads, rows, columns, qLen, kvLen } = shape;
  const perQuery = rows > 1;
  const rule = !perQuery || !isPadding(kind) ? kind : dice.chance(0.5) ? 'causal' : 'all';
  const padding = isPadding(kind)
    ? kind
    : kind !== 'all' && perQuery && dice.chance(0.5)
      ? dice.pick(['left_padding', 'right_padding', 'interior_padding'] as const)
      : 'all';
  const left = dice.int(0, Math.min(kvLen, 4));
  const right = dice.int(0, 1) * dice.int(0, 3);
  const bound = dice.int(1, kvLen);
  const shift = kvLen >= qLen ? kvLen - qLen : 0;
  const starts = rule === 'documents' ? drawStarts(dice, columns) : [];
  const perHead = heads > 1 && dice.chance(0.3);
  for (let b = 0, at = 0; b < batch; b++) {
    let [padStart, padEnd, holeStart, holeEnd] = drawPadding(dice, padding, kvLen, columns);
    for (let h = 0; h < heads; h++) {
      if (perHead) [padStart, padEnd, holeStart, holeEnd] = drawPadding(dice, padding, kvLen, columns);
      for (let r = 0; r < rows; r++, at += columns) {
        const position = Math.min(columns - 1, r + shift);
        let first = 0;
        let end = columns;
        if (rule === 'causal') end = position + 1;
        else if (rule === 'window') [first, end] = [position - left, position + right + 1];
        else if (rule === 'prefix') end = perQuery ? Math.max(bound, position + 1) : bound;
        else if (rule === 'documents') [first, end] = [starts[position], position + 1];
        first = Math.max(first, padStart, 0);
        end = Math.min(end, padEnd);
        if (end > first) cells.fill(1, at + first, at + end);
        if (holeEnd > holeStart) cells.fill(0, at + holeStart, at + holeEnd);
      }
    }
  }
}

function isPadding(kind: MaskKind): boolean {
  return kind === 'left_padding' || kind === 'right_padding' || kind === 'interior_padding';
}

/** [first kept, past the last kept, hole's first, past the hole's last]; real tokens are left on at least one side. */
function drawPadding(dice: Dice, kind: MaskKind, kvLen: number, columns: number): [number, number, number, number] {
  if (kind === 'left_padding') return [dice.int(0, kvLen - 1), columns, 0, 0];
  if (kind === 'right_padding') return [0, dice.int(1, kvLen), 0, 0];
  if (kind !== 'interior_padding') return [0, columns, 0, 0];
  const start = dice.int(kvLen > 2 ? 1 : 0, Math.max(0, kvLen - 2));
  return [0, columns, start, dice.int(start + 1, Math.max(start + 1, kvLen - 1))];
}

/** For every column, where its document starts. */
function drawStarts(dice: Dice, columns: number): number[] {
  const starts: number[] = [];
  for (let j = 0; j < columns; j++) starts.push(j === 0 || dice.chance(0.35) ? j : starts[j - 1]);
  return starts;
}
