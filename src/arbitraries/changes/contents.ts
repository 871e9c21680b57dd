/** Variants of a case with other keys and values. Masks are left as they are. */
import type { AttentionCase, FloatTensor } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { mix } from './mix';

/** Which keys are meant: batch row, key/value head, key. */
export type KeySet = (b: number, hkv: number, j: number) => boolean;

/** A tensor [batch, num_kv_heads, kv_len, features] with the numbers of some keys replaced. */
function replaced(
  tensor: FloatTensor,
  which: KeySet,
  number: (b: number, hkv: number, j: number, d: number, now: number) => number,
): FloatTensor {
  const [batch, numKvHeads, kvLen, features] = tensor.shape;
  const data = tensor.data.slice();
  for (let b = 0; b < batch; b += 1) {
    for (let hkv = 0; hkv < numKvHeads; hkv += 1) {
      for (let j = 0; j < kvLen; j += 1) {
        if (!which(b, hkv, j)) continue;
        const at = ((b * numKvHeads + hkv) * kvLen + j) * features;
        for (let d = 0; d < features; d += 1) data[at + d] = number(b, hkv, j, d, data[at + d]);
      }
    }
  }
  return { ...tensor, data };
}

/** Quarters up to 3.75 for keys and whole numbers up to 60 for values: exact in every dtype, never the number that was there. */
function otherNumber(salt: number, unit: number) {
  return (b: number, hkv: number, j: number, d: number, now: number) => {
    const drawn = ((mix(salt, b, hkv, j, d) % 31) - 15) * unit;
    return drawn === now ? (now === 0 ? unit : -now) : drawn;
  };
}

/** Keys and values of `which` overwritten by other finite numbers. */
export function withKeysReplaced(c: AttentionCase, which: KeySet, salt: number): AttentionCase {
  return {
    ...c,
    key: replaced(c.key, which, otherNumber(salt, 0.25)),
    value: replaced(c.value, which, otherNumber(salt + 1, 4)),
  };
}

/** Keys and values given number by number: the key's direction, feature by feature, times `size`, and other values for those of `which`. */
export function withKeysFacing(
  c: AttentionCase,
  direction: (b: number, hkv: number, j: number, d: number) => number,
  size: number,
  which: KeySet,
): AttentionCase {
  return {
    ...c,
    key: replaced(
      c.key,
      () => true,
      (b, hkv, j, d, now) => {
        const sign = direction(b, hkv, j, d);
        return sign === 0 ? now : sign * size;
      },
    ),
    value: replaced(c.value, which, otherNumber(1, 4)),
  };
}

/** One number in every feature of `which`, in keys or in values: NaN and infinities. */
export function withPoison(c: AttentionCase, tensor: 'key' | 'value', which: KeySet, poison: number): AttentionCase {
  return { ...c, [tensor]: replaced(c[tensor], which, () => poison) };
}

/** Values of `which` moved away from 0 by `by`, in every feature. */
export function withValuesMoved(c: AttentionCase, which: KeySet, by: number): AttentionCase {
  const limit = finfo[c.value.dtype].max / 4;
  return {
    ...c,
    value: replaced(c.value, which, (_b, _hkv, _j, _d, now) => (Math.abs(now) < limit ? (now > 0 ? -by : by) : 0)),
  };
}

/** Every value the same number. */
export function withValuesOf(c: AttentionCase, number: number): AttentionCase {
  return { ...c, value: { ...c.value, data: new Float64Array(c.value.data.length).fill(number) } };
}

/** Which key/value head query head h reads: floor(h / (num_heads / num_kv_heads)). */
export function kvHeadOf(c: AttentionCase, h: number): number {
  const { numHeads, numKvHeads } = sizesOf(c);
  return Math.floor(h / (numHeads / numKvHeads));
}
