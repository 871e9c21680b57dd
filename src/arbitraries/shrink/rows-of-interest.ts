import type { AttentionCase, Conventions } from '../../../reference/case';
import { rowAt, sizesOf } from '../../../reference/case';
import { keepGrid } from '../../../reference/masks';
import { readingsOf } from '../rows';

/** A query, the first key that it keeps and the last that it does not. */
export interface RowOfInterest {
  readonly b: number;
  readonly h: number;
  readonly i: number;
  /** -1: none. */
  readonly kept: number;
  /** -1: none. */
  readonly dropped: number;
}

/** One row of each sort (keeps some, keeps none, keeps all), the sorts that tell most first. */
export function rowsOfInterest(c: AttentionCase, causal: Conventions['causal']): RowOfInterest[] {
  const { kvLen } = sizesOf(c);
  const keep = keepGrid(c, readingsOf(c, causal)[0]);
  const found: (RowOfInterest | undefined)[] = [undefined, undefined, undefined];
  for (let row = 0; row * kvLen < keep.length; row++) {
    const cells = keep.subarray(row * kvLen, (row + 1) * kvLen);
    const kept = cells.indexOf(1);
    const dropped = cells.lastIndexOf(0);
    const sort = kept < 0 ? 1 : dropped < 0 ? 2 : 0;
    found[sort] ??= { ...rowAt(c, row), kept, dropped };
  }
  return found.filter((row) => row !== undefined);
}
