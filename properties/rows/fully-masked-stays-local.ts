import type { AttentionCase, Conventions } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { keepGrid, maskRowStart } from '../../reference/masks';
import { entries, withEntries } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { identical, rowsOf } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** The rows that keep a key, 1 each, by a grid [batch, num_heads, q_len, kv_len]. */
function rowsWithKeys(c: AttentionCase, keep: Uint8Array): Uint8Array {
  const { kvLen } = sizesOf(c);
  return Uint8Array.from({ length: keep.length / kvLen }, (_, row) =>
    keep.subarray(row * kvLen, (row + 1) * kvLen).includes(1) ? 1 : 0,
  );
}

/**
 * The case with the mask's rows of every empty query opened: it keeps all that the other rules leave it. Where nothing would be
 * dropped any more, the last key is, in the last of them: a library may leave a mask that keeps everything away, and then sum in
 * another order (HuggingFace does).
 */
function opened(c: AttentionCase, conventions: Conventions, filled: Uint8Array): AttentionCase {
  const { mask } = c;
  if (mask === undefined) return c;
  const columns = mask.tensor.shape[mask.rank - 1];
  const starts = rowsOf(c).flatMap(({ b, h, i }, row) =>
    filled[row] === 0 ? [maskRowStart(c, mask, conventions, b, h, i)] : [],
  );
  const open = new Set(starts.map((start) => start / columns));
  const isOpen = (index: number) => open.has(Math.floor(index / columns));
  const dropsElsewhere = entries(mask).some((add, index) => add === undefined && !isOpen(index));
  const { kvLen } = sizesOf(c);
  // One key alone has no order.
  const last = dropsElsewhere || kvLen === 1 ? -1 : Math.max(...starts) + kvLen - 1;
  return withEntries(c, (add, index) => (index === last ? undefined : isOpen(index) ? (add ?? 0) : add));
}

/** NaN from a row without a key reaches others through a sum, a shared maximum or a "is any NaN" that zeroes the batch. */
export default defineProperty({
  id: 'rows/fully-masked-stays-local',
  statement: 'A query that keeps no key changes no other row.',
  compares: 'bitwise',
  needs: { anyRank: [2, 3, 4] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4], emptyRows: 'always' }),
  async check(context, c) {
    const keep = keepGrid(c, context.supports);
    const filled = rowsWithKeys(c, keep);
    const twin = opened(c, context.supports, filled);
    const twinKeep = keepGrid(twin, context.supports);
    const { kvLen } = sizesOf(c);
    // Rows that share an entry of the mask with an empty one keep more now; nothing is said of them.
    const rows = filled.map((some, row) =>
      some === 1 && keep.subarray(row * kvLen, (row + 1) * kvLen).every((cell, j) => cell === twinKeep[row * kvLen + j])
        ? 1
        : 0,
    );
    if (!rows.includes(1)) return undefined;
    const [withEmpty, without] = await context.attend([c, twin]);
    return identical(context, [c, withEmpty], [twin, without], {
      with: 'what it is when the rows that keep no key are opened',
      rows,
    });
  },
});
