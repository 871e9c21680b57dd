/** Cases of one size, with contents and a mask that are nothing special: what engines take for a size, and not for a mask. */
import type { AttentionCase, FloatTensor } from '../reference/case';
import { engines, MissingPackageError, NoDeviceError, type Engine } from '../reference/gpu/engines';

/** batch, num_heads, q_len, kv_len, head_dim */
export type Size = readonly [batch: number, numHeads: number, qLen: number, kvLen: number, headDim: number];

export const sizeText = (size: Size): string => size.join('x');

/** Causal, and every second one padded. */
export function sizedCase([batch, numHeads, qLen, kvLen, headDim]: Size, number: number): AttentionCase {
  let state = number * 2654435761 + 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  };
  const tensor = (length: number): FloatTensor => ({
    dtype: 'float32',
    shape: [batch, numHeads, length, headDim],
    data: Float64Array.from({ length: batch * numHeads * length * headDim }, next),
  });
  const padding = Uint8Array.from({ length: batch * kvLen }, (_, n) => (n % kvLen < kvLen - 1 ? 1 : 0));
  return {
    bridge: 'base',
    query: tensor(qLen),
    key: tensor(kvLen),
    value: tensor(kvLen),
    isCausal: true,
    scale: 1 / Math.sqrt(headDim),
    want: {},
    ...(number % 2 === 0 && kvLen > 1
      ? { mask: { rank: 2, form: 'boolean', tensor: { dtype: 'bool', shape: [batch, kvLen], data: padding } } }
      : {}),
  };
}

/** Every engine that runs here. */
export async function enginesHere(): Promise<Engine[]> {
  const here: Engine[] = [];
  for (const entry of engines) {
    try {
      here.push(await entry.load());
    } catch (error) {
      if (!(error instanceof MissingPackageError || error instanceof NoDeviceError)) throw error;
    }
  }
  return here;
}

/** The best of some rounds: milliseconds of one, and no more rounds than fit a second. */
export async function milliseconds(work: () => Promise<unknown>, rounds = 3): Promise<number> {
  let best = Infinity;
  const end = performance.now() + 1000;
  for (let round = 0; round < rounds && (round === 0 || performance.now() < end); round++) {
    const started = performance.now();
    await work();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
