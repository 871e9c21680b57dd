/**
 * The definition of attention as TensorFlow.js operations: the second opinion beside the float64 oracle.
 * It shares no code with the oracle; a test ties them together. Everything that decides what is kept happens on the engine.
 */
import type * as tfjs from '@tensorflow/tfjs-core';

export type TensorFlow = typeof tfjs;

/**
 * Many attention problems of one padded shape. A problem is one query head of one batch row of one case, so that a launch has no batch axis
 * and no head axis: [problems, q_len, head_dim]. Grouped heads, mask broadcasting and shared position tables are indices, not copies.
 * q_len, kv_len, head_dim and v_head_dim are padded sizes; each problem knows how much of them is its own.
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
  /** Which key head a problem reads: floor(h / (num_heads / num_kv_heads)), counted over the launch. */
  readonly keyHead: Int32Array;
  /** The problem's own q_len and kv_len; what lies behind them is padding. */
  readonly ownQLen: Int32Array;
  readonly ownKvLen: Int32Array;
  /** Where query 0 stands among the keys: kv_len - q_len, or 0 under top_left. */
  readonly queryPosition: Int32Array;
  readonly scale: Float32Array;
  /** c in c tanh(score / c); absent where no problem of the launch has one. */
  readonly softcap?: Float32Array;
  /** Bytes 0 and 1. */
  readonly isCausal: Uint8Array;
  /** Neighbours on each side; absent where no problem of the launch has a window. */
  readonly window?: { readonly left: Int32Array; readonly right: Int32Array };
  /** [problems, kv_len]: documents; absent where no problem of the launch has them. */
  readonly segments?: Int32Array;
  readonly mask: LaunchMask;
  readonly rotary?: LaunchRotary;
  /** What a dropped cell shows in the scores. */
  readonly sentinel: Float32Array;
  /** What every own key weighs in a row that keeps none: 0, 1 / kv_len or NaN. */
  readonly emptyWeight: Float32Array;
}

/** Masks as the callers gave them, row under row. Query i of a problem reads row `first + stride * i`: a broadcast axis is a stride of 0. */
export interface LaunchMask {
  /** [mask rows, kv_len] */
  readonly rows: Float32Array;
  readonly first: Int32Array;
  readonly stride: Int32Array;
  /** A cell keeps where it is greater: 0 for boolean and integer masks, finfo.min of the mask's dtype for additive ones. */
  readonly threshold: Float32Array;
  /** 1 where the cells are also added to the scores. */
  readonly additive: Float32Array;
  /** 1 for rank 4: nothing is added to what the mask says. */
  readonly authoritative: Uint8Array;
}

/** One layout and one rotary_dim a launch; the angles' cosines and sines come from the host, computed in float64. */
export interface LaunchRotary {
  readonly rotaryDim: number;
  readonly layout: 'half' | 'interleaved';
  /** [table rows, rotary_dim / 2]: a row a position */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  /** The table row of query 0 of each problem, that of key kv_len - q_len whatever the causality, and of key 0 of each key head. */
  readonly firstOfProblem: Int32Array;
  readonly firstOfKeyHead: Int32Array;
}

export interface Launched {
  /** [problems, q_len, v_head_dim] */
  readonly output: tfjs.Tensor;
  /** [problems, q_len, kv_len] */
  readonly weights: tfjs.Tensor;
  /** [problems, q_len, kv_len]: what enters the softmax, the sentinel where a key is dropped */
  readonly scores: tfjs.Tensor;
}

/** Runs one launch on the current engine; the caller disposes what it returns. */
export function attention(tf: TensorFlow, launch: Launch): Launched {
  return tf.tidy(() => {
    const { qLen, kvLen, headDim, vHeadDim } = launch;
    const keyHeads = launch.key.length / (kvLen * headDim);
    const i = tf.reshape(tf.range(0, qLen, 1, 'int32'), [1, qLen, 1]);
    const j = tf.reshape(tf.range(0, kvLen, 1, 'int32'), [1, 1, kvLen]);
    // p(i): where each query stands among the keys. [problems, q_len, 1]
    const p = tf.add(i, perProblem(tf, launch.queryPosition));
    // The query that a row stands for; padding repeats the last one, so that it reads nothing outside of the problem.
    const ownQuery = tf.minimum(i, tf.sub(perProblem(tf, launch.ownQLen), tf.scalar(1, 'int32')));

    const turned = bridge(tf, launch, ownQuery, keyHeads);
    const heads = tf.tensor1d(launch.keyHead, 'int32');
    const key = tf.gather(turned.key, heads);
    const value = tf.gather(tf.tensor3d(launch.value, [keyHeads, kvLen, vHeadDim]), heads);
    const scaled = tf.mul(tf.matMul(turned.query, key, false, true), perProblem(tf, launch.scale));
    const x = launch.softcap === undefined ? scaled : softcapped(tf, scaled, perProblem(tf, launch.softcap));

    const cell = maskCells(tf, launch, ownQuery);
    const own = tf.less(j, perProblem(tf, launch.ownKvLen));
    const keep = tf.logicalAnd(own, kept(tf, launch, { p, j, cell }));
    const t = tf.add(x, tf.mul(cell, perProblem(tf, launch.mask.additive)));

    // The softmax of a row that keeps nothing is NaN on every engine; such a row is the contract's.
    const weightOfKept = tf.softmax(tf.where(keep, t, -Infinity));
    const weightOfEmpty = tf.where(own, perProblem(tf, launch.emptyWeight), 0);
    const weights = tf.where(tf.any(keep, 2, true), weightOfKept, weightOfEmpty);
    const scores = tf.where(keep, t, perProblem(tf, launch.sentinel));
    return { output: tf.matMul(weights, value), weights, scores };
  });
}

function perProblem(tf: TensorFlow, data: Float32Array | Int32Array | Uint8Array): tfjs.Tensor {
  const dtype = data instanceof Uint8Array ? 'bool' : data instanceof Int32Array ? 'int32' : 'float32';
  return tf.tensor3d(data, [data.length, 1, 1], dtype);
}

/** [problems, q_len, kv_len]: the mask as each query meets it. */
function maskCells(tf: TensorFlow, { mask, problems, qLen, kvLen }: Launch, ownQuery: tfjs.Tensor): tfjs.Tensor {
  const row = tf.add(perProblem(tf, mask.first), tf.mul(perProblem(tf, mask.stride), ownQuery));
  return tf.gather(tf.tensor2d(mask.rows, [mask.rows.length / kvLen, kvLen]), tf.reshape(row, [problems, qLen]));
}

/** [problems, q_len, kv_len]: which keys a query may see, by every rule that the case states. */
function kept(
  tf: TensorFlow,
  launch: Launch,
  { p, j, cell }: Readonly<Record<'p' | 'j' | 'cell', tfjs.Tensor>>,
): tfjs.Tensor {
  const { problems, qLen, kvLen, mask, window, segments } = launch;
  const notAfter = tf.lessEqual(j, p);
  const rules = [tf.logicalOr(tf.logicalNot(perProblem(tf, launch.isCausal)), notAfter)];
  if (window !== undefined) {
    rules.push(tf.greaterEqual(j, tf.sub(p, perProblem(tf, window.left))));
    rules.push(tf.lessEqual(j, tf.add(p, perProblem(tf, window.right))));
  }
  if (segments !== undefined) {
    const ofKey = tf.tensor3d(segments, [problems, 1, kvLen], 'int32');
    // Padding queries and top_left may stand outside of the keys.
    const within = tf.minimum(tf.maximum(p, tf.scalar(0, 'int32')), tf.scalar(kvLen - 1, 'int32'));
    const place = tf.add(within, tf.reshape(tf.range(0, problems * kvLen, kvLen, 'int32'), [problems, 1, 1]));
    const ofQuery = tf.gather(tf.reshape(ofKey, [problems * kvLen]), tf.reshape(place, [problems, qLen]));
    rules.push(tf.equal(ofKey, tf.reshape(ofQuery, [problems, qLen, 1])));
  }
  const byRules = rules.reduce((both, rule) => tf.logicalAnd(both, rule));
  const byMask = tf.greater(cell, perProblem(tf, mask.threshold));
  return tf.logicalAnd(byMask, tf.logicalOr(perProblem(tf, mask.authoritative), byRules));
}

/** The base bridge takes query and key as they are; the rotary one turns them by their positions first. */
function bridge(
  tf: TensorFlow,
  launch: Launch,
  ownQuery: tfjs.Tensor,
  keyHeads: number,
): { readonly query: tfjs.Tensor; readonly key: tfjs.Tensor } {
  const { problems, qLen, kvLen, headDim, rotary } = launch;
  const query = tf.tensor3d(launch.query, [problems, qLen, headDim]);
  const key = tf.tensor3d(launch.key, [keyHeads, kvLen, headDim]);
  if (rotary === undefined) return { query, key };
  const pairs = rotary.rotaryDim / 2;
  const cos = tf.tensor2d(rotary.cos, [rotary.cos.length / pairs, pairs]);
  const sin = tf.tensor2d(rotary.sin, [rotary.sin.length / pairs, pairs]);
  const ofQuery = tf.add(
    tf.reshape(ownQuery, [problems, qLen]),
    tf.tensor2d(rotary.firstOfProblem, [problems, 1], 'int32'),
  );
  const ofKey = tf.add(tf.range(0, kvLen, 1, 'int32'), tf.tensor2d(rotary.firstOfKeyHead, [keyHeads, 1], 'int32'));
  return {
    query: rotated(tf, query, rotary, tf.gather(cos, ofQuery), tf.gather(sin, ofQuery)),
    key: rotated(tf, key, rotary, tf.gather(cos, ofKey), tf.gather(sin, ofKey)),
  };
}

/** Turns the pairs of the first rotary_dim features: (a, b) becomes (a cos - b sin, b cos + a sin). */
function rotated(
  tf: TensorFlow,
  x: tfjs.Tensor3D,
  { rotaryDim, layout }: LaunchRotary,
  cos: tfjs.Tensor,
  sin: tfjs.Tensor,
): tfjs.Tensor {
  const [heads, length, headDim] = x.shape;
  const turning = tf.slice(x, [0, 0, 0], [heads, length, rotaryDim]);
  // `half` pairs feature d with d + rotary_dim / 2, `interleaved` 2d with 2d + 1.
  const [axis, pairs] = layout === 'half' ? [2, [2, rotaryDim / 2]] : [3, [rotaryDim / 2, 2]];
  const [a, b] = tf.unstack(tf.reshape(turning, [heads, length, ...pairs]), axis);
  const turned = [tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))];
  const joined = tf.reshape(tf.stack(turned, axis), [heads, length, rotaryDim]);
  if (headDim === rotaryDim) return joined;
  return tf.concat([joined, tf.slice(x, [0, 0, rotaryDim], [heads, length, headDim - rotaryDim])], 2);
}

/** c tanh(score / c) */
function softcapped(tf: TensorFlow, score: tfjs.Tensor, cap: tfjs.Tensor): tfjs.Tensor {
  return tf.mul(tf.tanh(tf.div(score, cap)), cap);
}
