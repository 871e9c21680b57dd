/** A launch that answers and adds up what the radius needs, so that no row is computed twice. Section 9 of docs/numerics.md. */
import type * as tfjs from '@tensorflow/tfjs-core';
import { type AttentionCase, sizesOf } from '../case';
import { type Launch, perProblem, sumOfKeys, type TensorFlow, weigh } from './attention';
import { type ErrorTerms, farthest } from './bound';

/** The values of a launch, and what is known of them without it. */
export interface ValueTerms {
  /** [problems, kv_len, 2 head_dim]: v and |v| */
  readonly plain: Float32Array;
  /** [problems, kv_len, 2 head_dim + 4]: s v and (s v)^2, then 1: s is a power of two that brings the largest |v| of a feature to 1 .. 2 */
  readonly moments: Float32Array;
  /** [problems, head_dim], over all keys: s, the largest |v|, the sum of |v|, and the largest v less the smallest */
  readonly unit: Float64Array;
  readonly largest: Float64Array;
  readonly total: Float64Array;
  readonly range: Float64Array;
}

export function emptyValues({ problems, kvLen, headDim }: Launch): ValueTerms {
  const perFeature = (): Float64Array => new Float64Array(problems * headDim);
  return {
    plain: new Float32Array(problems * kvLen * 2 * headDim),
    moments: new Float32Array(problems * kvLen * (2 * headDim + 4)),
    unit: perFeature().fill(1),
    largest: perFeature(),
    total: perFeature(),
    range: perFeature(),
  };
}

/** Writes the values of one case from `problem` on; they lie in the launch already. */
export function placeValues(values: ValueTerms, launch: Launch, c: AttentionCase, problem: number): void {
  const { batch, numHeads, kvLen, vHeadDim } = sizesOf(c);
  const { headDim } = launch;
  for (let h = problem; h < problem + batch * numHeads; h++) {
    const first = h * launch.kvLen;
    for (let d = 0; d < vHeadDim; d++) {
      let largest = 0;
      let total = 0;
      let low = Infinity;
      let high = -Infinity;
      for (let j = 0; j < kvLen; j++) {
        const v = launch.value[(first + j) * headDim + d];
        const size = Math.abs(v);
        total += size;
        if (size > largest) largest = size;
        if (v < low) low = v;
        if (v > high) high = v;
      }
      const at = h * headDim + d;
      const unit = largest > 0 ? 2 ** -Math.floor(Math.log2(largest)) : 1;
      values.unit[at] = unit;
      values.largest[at] = largest;
      values.total[at] = total;
      values.range[at] = high - low;
      for (let j = 0; j < kvLen; j++) {
        const v = launch.value[(first + j) * headDim + d];
        const plain = (first + j) * 2 * headDim + d;
        values.plain[plain] = v;
        values.plain[plain + headDim] = Math.abs(v);
        const moment = (first + j) * (2 * headDim + 4) + d;
        values.moments[moment] = v * unit;
        values.moments[moment + headDim] = (v * unit) ** 2;
      }
    }
    for (let j = 0; j < kvLen; j++) values.moments[(first + j) * (2 * headDim + 4) + 2 * headDim] = 1;
  }
}

/** What a launch came to. Where its parts begin in `numbers` is in `partsOf`. */
export type Summed = {
  readonly numbers: tfjs.Tensor1D;
  /** [problems, q_len, kv_len]: scores, -Infinity where dropped; weights; e . f in units of `far` */
  readonly scores: tfjs.Tensor3D;
  readonly weights: tfjs.Tensor3D;
  readonly errors: tfjs.Tensor3D;
};

/**
 * With a_j = p_j lambda_j in units of `far`: sum p v and sum p |v|; sum a of v, v^2 and 1 over all keys but the top one; sum a over all; M; and which
 * key is the top one. By Cauchy and Schwarz, sum a |v - o| is at most the root of (sum a) (sum a (v - o)^2), and the top key, which may weigh more
 * than all others and lie nearer to the answer, is better left out of that. The caller disposes what it returns.
 */
export function attentionAndSums(tf: TensorFlow, launch: Launch, terms: ErrorTerms, values: ValueTerms): Summed {
  return tf.tidy(() => {
    const { problems, qLen, kvLen, headDim } = launch;
    const { scores, top, below, weights } = weigh(tf, launch);
    const topKey = tf.argMax<tfjs.Tensor2D>(scores, 2);
    const errors = tf.matMul<tfjs.Tensor3D>(
      tf.tensor3d(terms.query, [problems, qLen, terms.features]),
      tf.tensor3d(terms.key, [problems, kvLen, terms.features]),
      false,
      true,
    );
    const ofRow = tf.add(tf.mul(tf.abs(top), perProblem(tf, terms.top)), perProblem(tf, terms.weight));
    const a = tf.mul<tfjs.Tensor3D>(weights, tf.add(tf.sub(errors, tf.clipByValue(below, -farthest, 0)), ofRow));
    // wasm writes whole numbers even where floating ones are asked for.
    const others = tf.mul(a, tf.cast(tf.oneHot(topKey, kvLen, 0, 1, 'int32'), 'float32'));
    const plain = tf.matMul(weights, tf.tensor3d(values.plain, [problems, kvLen, 2 * headDim]));
    const moments = tf.matMul(others, tf.tensor3d(values.moments, [problems, kvLen, 2 * headDim + 4]));
    const parts = [plain, moments, sumOfKeys(tf, a), top, tf.cast(topKey, 'float32')];
    return { numbers: tf.concat1d(parts.map((part) => tf.reshape(part, [part.size]))), scores, weights, errors };
  });
}

/** Where the parts of `numbers` begin. */
export function partsOf({ problems, qLen, headDim }: Launch): {
  readonly moments: number;
  readonly sums: number;
  readonly tops: number;
  readonly topKeys: number;
} {
  const rows = problems * qLen;
  const moments = rows * 2 * headDim;
  const sums = moments + rows * (2 * headDim + 4);
  return { moments, sums, tops: sums + rows, topKeys: sums + 2 * rows };
}
