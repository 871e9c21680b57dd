/** Overwriting keys that a row does not keep, and knowing which rows that must not touch. */
import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { kvHeadOf, withKeysFacing, withKeysReplaced, type KeySet } from './contents';

/** A changed case and the rows [batch, num_heads, q_len] whose answer must stay: they keep a key, and none of those changed. */
export interface Intervention {
  readonly c: AttentionCase;
  readonly rows: Uint8Array;
  readonly which: KeySet;
}

/** 1 for each row that keeps a key and none of `which`, by a grid [batch, num_heads, q_len, kv_len]. */
export function rowsKeepingNone(c: AttentionCase, keep: Uint8Array, which: KeySet): Uint8Array {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  const rows = new Uint8Array(batch * numHeads * qLen);
  let row = 0;
  for (let b = 0; b < batch; b += 1) {
    for (let h = 0; h < numHeads; h += 1) {
      const hkv = kvHeadOf(c, h);
      for (let i = 0; i < qLen; i += 1, row += 1) {
        let some = false;
        let touched = false;
        for (let j = 0; j < kvLen && !touched; j += 1) {
          if (keep[row * kvLen + j] === 0) continue;
          some = true;
          touched = which(b, hkv, j);
        }
        rows[row] = some && !touched ? 1 : 0;
      }
    }
  }
  return rows;
}

/** First, middle and last: on small cases all there are. */
export function pivots(n: number): number[] {
  return [...new Set([0, Math.floor(n / 2), n - 1])].filter((index) => index >= 0);
}

/** The sets worth overwriting, each once: what one query (first, middle, last) of one head drops. None is empty. */
export function droppedKeySets(c: AttentionCase, keep: Uint8Array): KeySet[] {
  const { numHeads, numKvHeads, qLen, kvLen } = sizesOf(c);
  const group = numHeads / numKvHeads;
  return distinct(
    c,
    pivots(qLen).flatMap((i) =>
      pivots(group).map(
        (member): KeySet =>
          (b, hkv, j) =>
            keep[((b * numHeads + hkv * group + member) * qLen + i) * kvLen + j] === 0,
      ),
    ),
  );
}

/** Those sets that hold any key of the case, without repetitions. */
export function distinct(c: AttentionCase, sets: readonly KeySet[]): KeySet[] {
  const { batch, numKvHeads, kvLen } = sizesOf(c);
  const seen = new Map<string, KeySet>();
  for (const which of sets) {
    let members = '';
    for (let b = 0; b < batch; b += 1) {
      for (let hkv = 0; hkv < numKvHeads; hkv += 1) {
        for (let j = 0; j < kvLen; j += 1) members += which(b, hkv, j) ? '1' : '0';
      }
    }
    if (members.includes('1') && !seen.has(members)) seen.set(members, which);
  }
  return [...seen.values()];
}

/** Other finite numbers in the keys and values of each set, where that leaves a row to speak of. */
export function interventions(c: AttentionCase, keep: Uint8Array, sets: readonly KeySet[]): Intervention[] {
  return sets
    .map((which, salt) => ({ c: withKeysReplaced(c, which, salt * 7), rows: rowsKeepingNone(c, keep, which), which }))
    .filter(({ rows }) => rows.includes(1));
}

/** Squares of numbers below this are numbers in every accumulator. */
const squarable = 2 ** 500;

/**
 * Two cases in which the scores of one query are as far apart as they may be (finfo.max / 4): all that it keeps are very low, and in the
 * second all that it drops are very high, with other values. What stands for "dropped" has to lie below the first and to swallow the second.
 * The rows are those that keep none of the keys in which the two differ. Undefined where no query keeps some keys and drops others.
 */
export function extremes(
  c: AttentionCase,
  keep: Uint8Array,
): { readonly low: AttentionCase; readonly apart: AttentionCase; readonly rows: Uint8Array } | undefined {
  const { numHeads, qLen, kvLen, headDim } = sizesOf(c);
  const mixed = keep.findIndex((kept, at) => at % kvLen > 0 && kept !== keep[at - 1]);
  const most = c.query.data.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
  if (mixed < 0 || most === 0) return undefined;
  const row = Math.floor(mixed / kvLen) % (numHeads * qLen);
  const kvHead = kvHeadOf(c, Math.floor(row / qLen));
  // |query| and |key| are at most sqrt(head_dim) times their largest number.
  const room = Math.min(finfo[c.query.dtype].max / 4, squarable);
  const size = 2 ** Math.floor(Math.log2(Math.min(room, room / (Math.max(1, c.scale) * most * headDim))));
  const cell = (b: number, j: number) => keep[(b * numHeads * qLen + row) * kvLen + j];
  const which: KeySet = (b, hkv, j) => hkv === kvHead && cell(b, j) === 0;
  const facing = (b: number, hkv: number, j: number, d: number): number => {
    if (hkv !== kvHead) return 0;
    const sign = c.query.data[(b * numHeads * qLen + row) * headDim + d] < 0 ? -1 : 1;
    return cell(b, j) === 1 ? -sign : sign;
  };
  return {
    low: withKeysFacing(
      c,
      (b, hkv, j, d) => (which(b, hkv, j) ? 0 : facing(b, hkv, j, d)),
      size,
      () => false,
    ),
    apart: withKeysFacing(c, facing, size, which),
    rows: rowsKeepingNone(c, keep, which),
  };
}
