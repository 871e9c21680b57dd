import type { AttentionCase } from '../../reference/case';
import type { Answer, RowIndex } from '../property';
import { rowsOf } from './compare';

/** The rows in which two answers to one case are not the same numbers: === or both NaN, +0 equals -0. None where a part is missing. */
export function differingRows(
  c: AttentionCase,
  one: Answer,
  other: Answer,
  of: 'output' | 'weights' | 'scores',
): RowIndex[] {
  const [x, y] = [one[of]?.data, other[of]?.data];
  if (x === undefined || y === undefined) return [];
  const all = rowsOf(c);
  const width = x.length / all.length;
  return all.filter((_, row) => {
    for (let n = row * width; n < (row + 1) * width; n += 1) {
      if (x[n] !== y[n] && !(Number.isNaN(x[n]) && Number.isNaN(y[n]))) return true;
    }
    return false;
  });
}
