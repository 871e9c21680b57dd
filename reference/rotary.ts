import { sizesOf } from './case';
import type { AttentionCase, Rotary } from './case';

/** By how much pair n turns from one position to the next. */
export function frequencyOf(rotary: Rotary, n: number): number {
  return Math.pow(rotary.base, (-2 * n) / rotary.rotaryDim);
}

/** Which two features of a head pair n turns. */
export function pairOf(rotary: Rotary, n: number): readonly [number, number] {
  return rotary.layout === 'half' ? [n, n + rotary.rotaryDim / 2] : [2 * n, 2 * n + 1];
}

/** Query [batch, num_heads, q_len, head_dim] and key [batch, num_kv_heads, kv_len, head_dim] as they meet: turned by their positions, or as given. */
export interface Turned {
  readonly query: Float64Array;
  readonly key: Float64Array;
}

/** Turns query and key by the rotary embedding; without one they stay the arrays of the case. */
export function turned(c: AttentionCase): Turned {
  if (c.bridge !== 'rotary' || c.rotary === undefined) return { query: c.query.data, key: c.key.data };
  const vectors = { query: c.query.data.slice(), key: c.key.data.slice() };
  turnAll(c, c.rotary, vectors, 1);
  return vectors;
}

/** Turns gradients with respect to the turned query and key back, in place: the transpose of a rotation. Without a rotary embedding they stay. */
export function turnBack(c: AttentionCase, gradients: Turned): void {
  if (c.bridge === 'rotary' && c.rotary !== undefined) turnAll(c, c.rotary, gradients, -1);
}

function turnAll(c: AttentionCase, rotary: Rotary, { query, key }: Turned, direction: 1 | -1): void {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim } = sizesOf(c);
  for (let n = 0; n < rotary.rotaryDim / 2; n++) {
    const frequency = frequencyOf(rotary, n);
    const [first, second] = pairOf(rotary, n);
    for (let b = 0; b < batch; b++) {
      for (let j = 0; j < kvLen; j++) {
        const angle = rotary.positionIds.data[b * kvLen + j] * frequency;
        const cos = Math.cos(angle);
        const sin = direction * Math.sin(angle);
        for (let h = 0; h < numKvHeads; h++) {
          turn(key, ((b * numKvHeads + h) * kvLen + j) * headDim, first, second, cos, sin);
        }
        // Query i shares the position of key i + kv_len - q_len.
        const i = j - (kvLen - qLen);
        if (i < 0) continue;
        for (let h = 0; h < numHeads; h++) {
          turn(query, ((b * numHeads + h) * qLen + i) * headDim, first, second, cos, sin);
        }
      }
    }
  }
}

function turn(data: Float64Array, start: number, first: number, second: number, cos: number, sin: number): void {
  const x = data[start + first];
  const y = data[start + second];
  data[start + first] = x * cos - y * sin;
  data[start + second] = y * cos + x * sin;
}
