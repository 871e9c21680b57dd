import type { AttentionCase, Conventions, Mask } from '../../reference/case';
import { rowAt, sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { extraRows } from './mask-facts';
import { keepGrid, maskRowStart, positionOf } from '../../reference/masks';

/** How over-long masks may be read; an empty row is one under any of these. */
const readings = ['first', 'last', 'position'] as const;

function conventionsOf(causal: Conventions['causal'], overlongRows: Conventions['overlongRows']): Conventions {
  const row = 'unspecified';
  return { causal, overlongRows, overlongKeys: 'trimmed', fullyMaskedRow: { boolean: row, finfo: row, inf: row } };
}

/** The conventions under which a case is read: one, but for masks with more rows than queries. */
export function readingsOf(c: AttentionCase, causal: Conventions['causal']): Conventions[] {
  if (extraRows(c) <= 0) return [conventionsOf(causal, 'first')];
  return readings.map((reading) => conventionsOf(causal, reading));
}

/** The rows, numbered as in [batch, num_heads, q_len], that keep no key. */
function emptyRows(c: AttentionCase, conventions: Conventions): number[] {
  const keep = keepGrid(c, conventions);
  const { kvLen } = sizesOf(c);
  const empty: number[] = [];
  for (let row = 0, at = 0; at < keep.length; row++, at += kvLen) {
    const next = keep.indexOf(1, at);
    if (next < 0 || next >= at + kvLen) empty.push(row);
  }
  return empty;
}

export function hasEmptyRows(c: AttentionCase, causal: Conventions['causal']): boolean {
  return readingsOf(c, causal).some((conventions) => emptyRows(c, conventions).length > 0);
}

/** Gives every query a key: the one at its own position, which neither causality nor a window nor its document hides. Writes into the mask. */
export function fillEmptyRows(c: AttentionCase, causal: Conventions['causal']): void {
  if (c.mask === undefined) return;
  for (const conventions of readingsOf(c, causal)) {
    for (const row of emptyRows(c, conventions)) {
      const { b, h, i } = rowAt(c, row);
      const position = positionOf(c, conventions, i);
      const key = position >= 0 ? position : i % sizesOf(c).kvLen;
      c.mask.tensor.data[maskRowStart(c, c.mask, conventions, b, h, i) + key] = c.mask.form === 'additive' ? 0 : 1;
    }
  }
}

/** Takes every key away from one query, which `number` chooses. Writes into the mask. */
export function emptyOneRow(c: AttentionCase, causal: Conventions['causal'], number: number): void {
  const { mask } = c;
  if (mask === undefined) return;
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const { b, h, i } = rowAt(c, number % (batch * numHeads * qLen));
  for (const conventions of readingsOf(c, causal)) {
    const start = maskRowStart(c, mask, conventions, b, h, i);
    mask.tensor.data.fill(droppedCell(mask), start, start + kvLen);
  }
}

/** What this mask drops with. */
function droppedCell(mask: Mask): number {
  if (mask.form !== 'additive') return 0;
  return mask.tensor.data.includes(-Infinity) ? -Infinity : finfo[mask.tensor.dtype].lowest;
}
