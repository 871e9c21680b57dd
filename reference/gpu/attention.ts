/**
 * The definition of attention as TensorFlow.js operations: the second opinion beside the float64 oracle.
 * It shares no code with the oracle; a test ties them together. Everything that decides what is kept happens on the engine.
 */
import type * as tfjs from '@tensorflow/tfjs-core';

export type TensorFlow = typeof tfjs;

/**
 * Many attention problems of one padded shape. A problem is one query head of one batch row of one case, so that a launch has no batch axis
 * and no head axis: [problems, q_len, head_dim]. q_len, kv_len, head_dim and v_head_dim are padded sizes; each problem knows how many keys are its own.
 * What is [problems] holds one number a problem; positions are float32, in which they are exact and cheap.
 */
export interface Launch {
  readonly problems: number;
  readonly qLen: number;
  readonly kvLen: number;
  readonly headDim: number;
  readonly vHeadDim: number;
  /** [problems, q_len, head_dim] */
  readonly query: Float32Array;
  /** [key heads, kv_len, head_dim] */
  readonly key: Float32Array;
  /** [key heads, kv_len, v_head_dim] */
  readonly value: Float32Array;
  /** Which key head a problem reads: floor(h / (num_heads / num_kv_heads)), counted over the launch; absent where problem n reads key head n. */
  readonly keyHead?: Int32Array;
  /** The problem's own kv_len; the keys behind are padding. */
  readonly ownKvLen: Float32Array;
  /** Where query 0 stands among the keys: kv_len - q_len, or 0 under top_left. */
  readonly queryPosition: Float32Array;
  readonly scale: Float32Array;
  /** c in c tanh(score / c); absent where no problem has one. */
  readonly softcap?: Float32Array;
  /** 1 where true */
  readonly isCausal: Uint8Array;
  /** Neighbours on each side; absent where no problem has a window. */
  readonly window?: { readonly left: Float32Array; readonly right: Float32Array };
  /** [problems, kv_len]: documents; absent where no problem has them. */
  readonly segments?: Float32Array;
  /** Absent where no problem has a mask. */
  readonly mask?: LaunchMask;
  readonly rotary?: LaunchRotary;
  /** What a dropped cell shows in the scores. */
  readonly sentinel: Float32Array;
  /** What every own key weighs in a row that keeps none: 0, 1 / kv_len or NaN. */
  readonly emptyWeight: Float32Array;
}

export interface LaunchMask {
  /** [problems, q_len, kv_len]: what the caller gave, boolean and integer masks as 0 and 1; 1 where a problem has no mask */
  readonly cells: Float32Array;
  /** A cell keeps where it is greater: 0 for boolean and integer masks, finfo.min of the mask's dtype for additive ones. */
  readonly threshold: Float32Array;
  /** 1 where the cells are also added to the scores. */
  readonly additive: Float32Array;
  /** 1 for rank 4: nothing is added to what the mask says. */
  readonly authoritative: Uint8Array;
}

/** One layout and one rotary_dim a launch; cosines and sines come from the host, computed in float64. */
export interface LaunchRotary {
  readonly rotaryDim: number;
  readonly layout: 'half' | 'interleaved';
  /** [problems, q_len, rotary_dim / 2] */
  readonly query: { readonly cos: Float32Array; readonly sin: Float32Array };
  /** [key heads, kv_len, rotary_dim / 2] */
  readonly key: { readonly cos: Float32Array; readonly sin: Float32Array };
}

export interface Launched {
  /** [problems, q_len, v_head_dim] */
  readonly output: tfjs.Tensor;
  /** [problems, q_len, kv_len] */
  readonly weights: tfjs.Tensor;
  /** [problems, q_len, kv_len]: what enters the softmax, the sentinel where a key is dropped */
  readonly scores: tfjs.Tensor;
}

/**
 * Runs one launch on the current engine; the caller disposes what it returns.
 * Only arithmetic broadcasts over the cells: comparisons and selections that broadcast cost the engines ten to a hundred times more.
 */
export function attention(tf: TensorFlow, launch: Launch): Launched {
  return tf.tidy(() => {
    const { problems, qLen, kvLen, headDim, vHeadDim, mask } = launch;
    const cells: [number, number, number] = [problems, qLen, kvLen];
    const keyHeads = launch.key.length / (kvLen * headDim);
    const turned = bridge(tf, launch, keyHeads);
    const key = headOfProblem(tf, launch, turned.key);
    const value = headOfProblem(tf, launch, tf.tensor3d(launch.value, [keyHeads, kvLen, vHeadDim]));

    const scaled = tf.mul(tf.matMul(turned.query, key, false, true), perProblem(tf, launch.scale));
    const x = launch.softcap === undefined ? scaled : softcapped(tf, scaled, perProblem(tf, launch.softcap));
    const t = mask === undefined ? x : tf.add(x, tf.mul(tf.tensor3d(mask.cells, cells), perProblem(tf, mask.additive)));
    const keep = kept(tf, launch);

    // The softmax of a row that keeps nothing is NaN on every engine; its weights are the contract's.
    const softmax = tf.softmax(tf.where(keep, t, tf.fill(cells, -Infinity)));
    const empty = tf.logicalNot(tf.any(keep, 2, true));
    const weightOfEmpty = tf.where(empty, tf.add(tf.zeros([problems, qLen, 1]), perProblem(tf, launch.emptyWeight)), 0);
    const own = tf.cast(tf.less(keys(tf, kvLen), perProblem(tf, launch.ownKvLen)), 'float32');
    const weights = tf.add(tf.where(keep, softmax, tf.zeros(cells)), tf.mul(weightOfEmpty, own));
    const scores = tf.where(keep, t, tf.add(tf.zeros(cells), perProblem(tf, launch.sentinel)));
    return { output: tf.matMul(weights, value), weights, scores };
  });
}

/** [problems, 1, 1] */
function perProblem(tf: TensorFlow, data: Float32Array | Uint8Array): tfjs.Tensor {
  return tf.tensor3d(data, [data.length, 1, 1], data instanceof Uint8Array ? 'bool' : 'float32');
}

/** [1, 1, kv_len]: 0, 1, 2, ... */
function keys(tf: TensorFlow, kvLen: number): tfjs.Tensor {
  return tf.reshape(tf.range(0, kvLen), [1, 1, kvLen]);
}

/** The head [kv_len, ..] that each problem reads. */
function headOfProblem(tf: TensorFlow, { keyHead }: Launch, heads: tfjs.Tensor): tfjs.Tensor {
  return keyHead === undefined ? heads : tf.gather(heads, tf.tensor1d(keyHead, 'int32'));
}

/** [problems, q_len, kv_len]: which keys a query may see, by every rule that the case states. */
function kept(tf: TensorFlow, launch: Launch): tfjs.Tensor {
  const { problems, qLen, kvLen, mask, window, segments } = launch;
  const i = tf.reshape(tf.range(0, qLen), [1, qLen, 1]);
  const j = keys(tf, kvLen);
  // p(i): where each query stands among the keys. [problems, q_len, 1]
  const p = tf.add(i, perProblem(tf, launch.queryPosition));
  const notNegative = (distance: tfjs.Tensor): tfjs.Tensor => tf.greaterEqual(distance, 0);

  // Every rule about positions is a first and a last key that the query may see. A mask of rank 4 knows no rules.
  const authoritative = mask === undefined ? tf.zeros([problems, 1, 1], 'bool') : perProblem(tf, mask.authoritative);
  const unbounded = tf.fill([problems, qLen, 1], kvLen);
  const ruled = (rule: tfjs.Tensor, last: tfjs.Tensor): tfjs.Tensor =>
    tf.where(tf.logicalAnd(rule, tf.logicalNot(authoritative)), last, unbounded);
  const lastKey = tf.sub(perProblem(tf, launch.ownKvLen), 1);
  const lastCausal = ruled(perProblem(tf, launch.isCausal), p);
  const rules: tfjs.Tensor[] = [];
  if (window === undefined) {
    rules.push(notNegative(tf.sub(tf.minimum(lastCausal, lastKey), j)));
  } else {
    const always = tf.ones([problems, 1, 1], 'bool');
    const lastNear = ruled(always, tf.add(p, perProblem(tf, window.right)));
    // Counted downwards, so that no bound is the same bound here.
    const firstNear = tf.neg(ruled(always, tf.sub(perProblem(tf, window.left), p)));
    rules.push(notNegative(tf.sub(tf.minimum(tf.minimum(lastCausal, lastNear), lastKey), j)));
    rules.push(notNegative(tf.sub(j, firstNear)));
  }
  if (segments !== undefined) {
    const ofKey = tf.tensor3d(segments, [problems, 1, kvLen]);
    // Padding queries and top_left may stand outside of the keys.
    const within = tf.minimum(tf.maximum(p, 0), kvLen - 1);
    const place = tf.add(within, tf.reshape(tf.range(0, problems * kvLen, kvLen), [problems, 1, 1]));
    const ofQuery = tf.gather(
      tf.reshape(ofKey, [problems * kvLen]),
      tf.cast(tf.reshape(place, [problems, qLen]), 'int32'),
    );
    rules.push(tf.equal(tf.sub(ofKey, tf.reshape(ofQuery, [problems, qLen, 1])), 0));
  }
  if (mask !== undefined) {
    const cells = tf.tensor3d(mask.cells, [problems, qLen, kvLen]);
    rules.push(tf.greater(tf.sub(cells, perProblem(tf, mask.threshold)), 0));
  }
  return rules.reduce((both, rule) => tf.logicalAnd(both, rule));
}

/** The base bridge takes query and key as they are; the rotary one turns them by their positions first. */
function bridge(
  tf: TensorFlow,
  { problems, qLen, kvLen, headDim, query, key, rotary }: Launch,
  keyHeads: number,
): { readonly query: tfjs.Tensor; readonly key: tfjs.Tensor } {
  const vectors = {
    query: tf.tensor3d(query, [problems, qLen, headDim]),
    key: tf.tensor3d(key, [keyHeads, kvLen, headDim]),
  };
  if (rotary === undefined) return vectors;
  return { query: rotated(tf, vectors.query, rotary, rotary.query), key: rotated(tf, vectors.key, rotary, rotary.key) };
}

/** Turns the pairs of the first rotary_dim features: (a, b) becomes (a cos - b sin, b cos + a sin). */
function rotated(
  tf: TensorFlow,
  x: tfjs.Tensor3D,
  { rotaryDim, layout }: LaunchRotary,
  tables: LaunchRotary['query'],
): tfjs.Tensor {
  const [heads, length, headDim] = x.shape;
  const pairs = rotaryDim / 2;
  const cos = tf.tensor3d(tables.cos, [heads, length, pairs]);
  const sin = tf.tensor3d(tables.sin, [heads, length, pairs]);
  const turning = tf.slice(x, [0, 0, 0], [heads, length, rotaryDim]);
  // `half` pairs feature d with d + rotary_dim / 2, `interleaved` 2d with 2d + 1.
  const [axis, paired] = layout === 'half' ? [2, [2, pairs]] : [3, [pairs, 2]];
  const [a, b] = tf.unstack(tf.reshape(turning, [heads, length, ...paired]), axis);
  const turned = [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))];
  const joined = tf.reshape(tf.stack(turned, axis), [heads, length, rotaryDim]);
  if (headDim === rotaryDim) return joined;
  return tf.concat([joined, tf.slice(x, [0, 0, rotaryDim], [heads, length, headDim - rotaryDim])], 2);
}

/** c tanh(score / c) */
function softcapped(tf: TensorFlow, score: tfjs.Tensor, cap: tfjs.Tensor): tfjs.Tensor {
  return tf.mul(tf.tanh(tf.div(score, cap)), cap);
}
