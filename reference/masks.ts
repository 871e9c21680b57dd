/**
 * The definition of a mask. Everything else in the suite (picture, oracle, GPU form, properties) agrees with `keeps`.
 * Indices: b batch row, h query head, i query, j key. `true` always means keep.
 */
import { sizesOf } from './case';
import type { AttentionCase, Conventions, EmptyRow, Mask } from './case';
import { finfo } from './dtype';
import { uint8Array } from './small-arrays';

/** Whether query i of head h in batch row b may attend key j. */
export function keeps(c: AttentionCase, conventions: Conventions, b: number, h: number, i: number, j: number): boolean {
  // A 4D mask says everything: nothing is added to it, causal or not.
  if (c.mask?.rank === 4) return maskKeeps(c, conventions, b, h, i, j);
  return (
    maskKeeps(c, conventions, b, h, i, j) &&
    causalKeeps(c, conventions, i, j) &&
    windowKeeps(c, conventions, i, j) &&
    segmentsKeep(c, conventions, b, i, j)
  );
}

/** The caller's mask, where there is one. */
function maskKeeps(c: AttentionCase, conventions: Conventions, b: number, h: number, i: number, j: number): boolean {
  return c.mask === undefined || cellKeeps(c.mask, cellOf(c, c.mask, conventions, b, h, i, j));
}

/** No key after the query. */
function causalKeeps(c: AttentionCase, conventions: Conventions, i: number, j: number): boolean {
  return !c.isCausal || j <= positionOf(c, conventions, i);
}

/** At most `left` keys before the query and `right` after it. */
function windowKeeps(c: AttentionCase, conventions: Conventions, i: number, j: number): boolean {
  const { left = Infinity, right = Infinity } = c.slidingWindow ?? {};
  const position = positionOf(c, conventions, i);
  return position - left <= j && j <= position + right;
}

/** Only keys of the query's own document. */
function segmentsKeep(c: AttentionCase, conventions: Conventions, b: number, i: number, j: number): boolean {
  if (c.segments === undefined) return true;
  const start = b * sizesOf(c).kvLen;
  return c.segments.data[start + positionOf(c, conventions, i)] === c.segments.data[start + j];
}

/** Where query i stands among the keys. `none` has no causal rule, but a window is counted from the last keys all the same. */
export function positionOf(c: AttentionCase, conventions: Conventions, i: number): number {
  if (conventions.causal === 'top_left') return i;
  const { qLen, kvLen } = sizesOf(c);
  return i + kvLen - qLen;
}

/** What one number of a mask says. */
function cellKeeps(mask: Mask, cell: number): boolean {
  if (mask.form === 'additive') return cell !== finfo[mask.tensor.dtype].lowest && cell !== -Infinity;
  return cell === 1;
}

function cellOf(
  c: AttentionCase,
  mask: Mask,
  conventions: Conventions,
  b: number,
  h: number,
  i: number,
  j: number,
): number {
  return mask.tensor.data[maskRowStart(c, mask, conventions, b, h, i) + j];
}

/**
 * Where the cells of query i begin in the mask's data; the cell of key j is j further, so that of an over-long mask the
 * first kv_len columns count.
 */
export function maskRowStart(
  c: AttentionCase,
  mask: Mask,
  conventions: Conventions,
  b: number,
  h: number,
  i: number,
): number {
  const { shape } = mask.tensor;
  if (mask.rank === 2) return b * shape[1];
  if (mask.rank === 3) return (b * shape[1] + maskRow(c, shape[1], conventions, i)) * shape[2];
  const [batch, heads, rows, columns] = shape;
  const row = rows === 1 ? 0 : maskRow(c, rows, conventions, i);
  return (((batch === 1 ? 0 : b) * heads + (heads === 1 ? 0 : h)) * rows + row) * columns;
}

/** Which of the mask's rows is query i's. A backend that refuses over-long rows is never asked; its masks are drawn from the first row. */
function maskRow(c: AttentionCase, rows: number, conventions: Conventions, i: number): number {
  // For every row of every mask: no more is read than is needed.
  const qLen = c.query.shape[2];
  if (rows === qLen) return i;
  const kvLen = c.key.shape[2];
  switch (conventions.overlongRows) {
    case 'error':
    case 'first':
      return i;
    case 'last':
      return i + rows - qLen;
    case 'position': {
      const row = i + kvLen - qLen;
      if (row >= 0 && row < rows) return row;
      throw new RangeError(`A mask of ${rows} rows has none at position ${row}: q_len=${qLen}, kv_len=${kvLen}.`);
    }
  }
}

/** What an additive mask adds to the score of a kept pair; 0 for other forms and for dropped pairs. */
export function biasAt(c: AttentionCase, conventions: Conventions, b: number, h: number, i: number, j: number): number {
  if (c.mask?.form !== 'additive') return 0;
  const cell = cellOf(c, c.mask, conventions, b, h, i, j);
  return cellKeeps(c.mask, cell) ? cell : 0;
}

/** One rule and what it says of a pair; `why` is its name in a sentence ("dropped: padding; kept by the causal rule"). */
export interface RuleAt {
  readonly rule: 'mask' | 'causal' | 'window' | 'segments';
  readonly keeps: boolean;
  readonly why: string;
}

const maskNames = { 2: 'padding', 3: 'the per-query mask', 4: 'the 4D mask' } as const;

/** The rules that apply to a case, and what each says of one pair; their conjunction is `keeps`. */
export function rulesAt(
  c: AttentionCase,
  conventions: Conventions,
  b: number,
  h: number,
  i: number,
  j: number,
): RuleAt[] {
  const rules: RuleAt[] = [];
  if (c.mask) {
    rules.push({ rule: 'mask', keeps: maskKeeps(c, conventions, b, h, i, j), why: maskNames[c.mask.rank] });
    if (c.mask.rank === 4) return rules;
  }
  if (c.isCausal) rules.push({ rule: 'causal', keeps: causalKeeps(c, conventions, i, j), why: 'the causal rule' });
  if (c.slidingWindow) {
    rules.push({ rule: 'window', keeps: windowKeeps(c, conventions, i, j), why: 'the sliding window' });
  }
  if (c.segments) rules.push({ rule: 'segments', keeps: segmentsKeep(c, conventions, b, i, j), why: 'the segments' });
  return rules;
}

/** Which number an additive mask drops with; undefined for other forms and where nothing is dropped. */
export function sentinelOf(mask: Mask | undefined): 'finfo' | 'inf' | 'mixed' | undefined {
  if (mask?.form !== 'additive') return undefined;
  const finfoThere = mask.tensor.data.includes(finfo[mask.tensor.dtype].lowest);
  const infThere = mask.tensor.data.includes(-Infinity);
  if (finfoThere && infThere) return 'mixed';
  return finfoThere ? 'finfo' : infThere ? 'inf' : undefined;
}

/** What is due in a query that keeps no key: the declared contract for the mask's form. */
export function contractOf(c: AttentionCase, conventions: Conventions): EmptyRow {
  const sentinel = sentinelOf(c.mask);
  return sentinel === 'mixed' ? 'unspecified' : conventions.fullyMaskedRow[sentinel ?? 'boolean'];
}

/** `keeps` of every pair at once: [batch, num_heads, q_len, kv_len], 1 where kept. The fast twin; a test ties it to `keeps`. */
export function keepGrid(c: AttentionCase, conventions: Conventions): Uint8Array {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const { mask } = c;
  const ruled = mask?.rank !== 4;
  const segments = ruled ? c.segments?.data : undefined;
  const { left = Infinity, right = Infinity } = (ruled && c.slidingWindow) || {};
  const reach = ruled && c.isCausal ? Math.min(right, 0) : right;
  const keep = uint8Array(batch * numHeads * qLen * kvLen);
  const cells = mask?.tensor.data;
  const additive = mask?.form === 'additive';
  const lowest = mask?.form === 'additive' ? finfo[mask.tensor.dtype].lowest : 0;
  const shift = conventions.causal === 'top_left' ? 0 : kvLen - qLen;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      for (let i = 0; i < qLen; i++, at += kvLen) {
        const position = i + shift;
        const first = Math.max(0, position - left);
        const last = Math.min(kvLen - 1, position + reach);
        const start = mask ? maskRowStart(c, mask, conventions, b, h, i) : 0;
        for (let j = first; j <= last; j++) {
          if (segments && segments[b * kvLen + j] !== segments[b * kvLen + position]) continue;
          if (cells) {
            const cell = cells[start + j];
            if (additive ? cell === lowest || cell === -Infinity : cell !== 1) continue;
          }
          keep[at + j] = 1;
        }
      }
    }
  }
  return keep;
}
