import type { AttentionCase, Mask } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { droppedCells, editMask, keptCell, plain } from './edit';
import { range, select } from './select';

/** Into no more parts than this are the holes divided in one round. */
const PARTS = 256;

/** Fewer dropped cells: none, one, halves, then all but one part of them; and dropped keys behind kept ones. */
export function* fewerHoles(c: AttentionCase): Iterable<AttentionCase> {
  const { mask } = c;
  if (mask === undefined) return;
  const dropped = droppedCells(mask);
  const keeping = (cells: readonly number[]): AttentionCase => ({ ...c, mask: fill(mask, cells, keptCell(mask)) });
  yield keeping(dropped);
  if (dropped.length > 1) {
    // One hole, seen through the value of its key: what shows another hole may not show this one.
    const columns = mask.tensor.shape[mask.tensor.shape.length - 1];
    for (const only of new Set([...dropped.slice(-3).reverse(), ...dropped.slice(0, 2)])) {
      const one = keeping(dropped.filter((n) => n !== only));
      yield one;
      if (only % columns < c.key.shape[2]) yield plain(one, only % columns);
    }
  }
  for (let parts = 2; parts < 2 * dropped.length && parts <= PARTS; parts *= 2) {
    const length = Math.ceil(dropped.length / parts);
    for (let start = 0; start < dropped.length; start += length) yield keeping(dropped.slice(start, start + length));
    if (length === 1) break;
  }
  yield* later(c, mask, dropped);
}

function fill(mask: Mask, cells: readonly number[], value: number): Mask {
  return editMask(mask, (data) => {
    for (const n of cells) data[n] = value;
  });
}

/** The keys the other way round, and single holes moved to the last key. */
function* later(c: AttentionCase, mask: Mask, dropped: readonly number[]): Iterable<AttentionCase> {
  const { kvLen } = sizesOf(c);
  const columns = mask.tensor.shape[mask.tensor.shape.length - 1];
  yield select(c, { keys: range(kvLen).reverse() });
  for (const n of dropped.slice(0, 4)) {
    const last = n - (n % columns) + kvLen - 1;
    if (n >= last || dropped.includes(last)) continue;
    const moved = fill(fill(mask, [n], keptCell(mask)), [last], mask.tensor.data[n]);
    yield { ...c, mask: moved };
  }
}
