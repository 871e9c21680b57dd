import type { AttentionCase } from '../../reference/case';
import { drawContents } from './contents';
import { Dice } from './dice';

/** The n-th case that differs in nothing but the numbers in query, key and value: quarters in [-2, 2]. */
export function withOtherContents(c: AttentionCase, n: number): AttentionCase {
  const { dtype } = c.query;
  const shape = { dtype, query: c.query.shape, key: c.key.shape, value: c.value.shape, scale: c.scale };
  return { ...c, ...drawContents(new Dice(n, c.query.data.length, c.key.data.length), 'exact', shape) };
}
