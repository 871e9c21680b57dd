/**
 * The definition of attention as TensorFlow.js operations: the second opinion beside the float64 oracle.
 * It shares no code with the oracle; a test ties them together.
 */
import type * as tfjs from '@tensorflow/tfjs-core';

export type TensorFlow = typeof tfjs;

/**
 * Many attention problems of one padded shape. A problem is one query head of one batch row of one case, so that a launch has no batch axis
 * and no head axis. q_len, kv_len and head_dim are padded sizes, with zeros behind a problem's own numbers.
 */
export interface Launch {
  readonly problems: number;
  readonly qLen: number;
  readonly kvLen: number;
  readonly headDim: number;
  /** [problems, q_len, head_dim]: turned by position where the bridge says so, and times the scale */
  readonly query: Float32Array;
  /** [problems, kv_len, head_dim]: turned by position where the bridge says so */
  readonly key: Float32Array;
  /** [problems, kv_len, head_dim] */
  readonly value: Float32Array;
  /** [problems, q_len, kv_len]: what is added to a score, -Infinity where the key is dropped or padding */
  readonly bias: Float32Array;
  /** [problems]: c in c tanh(score / c); absent where no problem has one. */
  readonly softcap?: Float32Array;
}

/** What rows of keys came to. */
export type Weighed = {
  /** [problems, q_len, kv_len]: what enters the softmax, -Infinity where a key is dropped */
  readonly scores: tfjs.Tensor3D;
  /** [problems, q_len, 1]: the largest score */
  readonly top: tfjs.Tensor3D;
  /** [problems, q_len, kv_len]: score - top */
  readonly below: tfjs.Tensor3D;
  /** [problems, q_len, kv_len] */
  readonly weights: tfjs.Tensor3D;
};

export type Launched = Pick<Weighed, 'scores' | 'weights'> & {
  /** [problems, q_len, head_dim] */
  readonly output: tfjs.Tensor3D;
};

/** Runs one launch on the current engine; the caller disposes what it returns. */
export function attention(tf: TensorFlow, launch: Launch): Launched {
  return tf.tidy(() => {
    const { scores, weights } = weigh(tf, launch);
    const value = tf.tensor3d(launch.value, [launch.problems, launch.kvLen, launch.headDim]);
    return { output: tf.matMul<tfjs.Tensor3D>(weights, value), weights, scores };
  });
}

/** Scores and weights. As few operations as there can be: each costs an engine more than the arithmetic of a small case. */
export function weigh(tf: TensorFlow, launch: Launch): Weighed {
  const { problems, qLen, kvLen, headDim } = launch;
  const query = tf.tensor3d(launch.query, [problems, qLen, headDim]);
  const key = tf.tensor3d(launch.key, [problems, kvLen, headDim]);
  const bias = tf.tensor3d(launch.bias, [problems, qLen, kvLen]);
  const scaled = tf.matMul(query, key, false, true);
  const x = launch.softcap === undefined ? scaled : softcapped(tf, scaled, perProblem(tf, launch.softcap));
  const scores = tf.add<tfjs.Tensor3D>(x, bias);
  // Not tf.softmax: TensorFlow's own computes rows at the end of a stretch with other bits.
  const top = maxOfKeys(tf, scores);
  const below = tf.sub<tfjs.Tensor3D>(scores, top);
  const raised = tf.exp(below);
  return { scores, top, below, weights: tf.div(raised, sumOfKeys(tf, raised)) };
}

/** [problems, q_len, 1] */
function maxOfKeys(tf: TensorFlow, x: tfjs.Tensor3D): tfjs.Tensor3D {
  // The largest number is the same in every order: few rows are left to the engine.
  const many = x.shape[0] * x.shape[1] > 256;
  return many && isHalved(tf, x) ? byHalves(tf, x, (a, b) => tf.maximum(a, b)) : tf.max(x, 2, true);
}

/** [problems, q_len, 1] */
export function sumOfKeys(tf: TensorFlow, x: tfjs.Tensor3D): tfjs.Tensor3D {
  return isHalved(tf, x) ? byHalves(tf, x, (a, b) => tf.add(a, b)) : tf.sum(x, 2, true);
}

/** WebGPU reduces each row with a group of threads of its own, most of which have nothing to do where rows are short. */
function isHalved(tf: TensorFlow, { shape }: tfjs.Tensor3D): boolean {
  return tf.getBackend() === 'webgpu' && shape[2] <= 64;
}

function byHalves(
  tf: TensorFlow,
  x: tfjs.Tensor3D,
  joined: (a: tfjs.Tensor3D, b: tfjs.Tensor3D) => tfjs.Tensor3D,
): tfjs.Tensor3D {
  const [problems, rows, width] = x.shape;
  if (width === 1) return x;
  const columns = (from: number, count: number): tfjs.Tensor3D => tf.slice3d(x, [0, 0, from], [problems, rows, count]);
  const half = width >> 1;
  const both = joined(columns(0, half), columns(half, half));
  return byHalves(tf, width % 2 === 0 ? both : tf.concat3d([both, columns(width - 1, 1)], 2), joined);
}

/** [problems, 1, 1] */
export function perProblem(tf: TensorFlow, data: Float32Array): tfjs.Tensor3D {
  return tf.tensor3d(data, [data.length, 1, 1]);
}

/** c tanh(score / c) */
function softcapped(tf: TensorFlow, score: tfjs.Tensor, cap: tfjs.Tensor): tfjs.Tensor {
  return tf.mul(tf.tanh(tf.div(score, cap)), cap);
}
