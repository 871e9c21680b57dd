/**
 * ONNX Runtime's Attention operator (opset 23) on its CPU provider.
 * The operator has causality, a past, scale, softcap and grouped heads of its own; masks become [batch or 1, num_heads or 1, q_len, kv_len] in one function.
 */
import {
  type AttentionCase,
  type BoolTensor,
  type FloatTensor,
  type FloatType,
  type Mask,
  sizesOf,
} from '../../reference/case';
import { finfo } from '../../reference/dtype';
import type { Precision } from '../../reference/precision';
import { defineBackend, type Backend, type BackendAnswer } from '../backend';
import type { OnnxModel, OnnxNode, OnnxValue } from './onnx-model';
import { OnnxSessions, onnxVersions, type Feeds, type OnnxRuntime } from './onnx-sessions';
import { expandedMask, keyRange, toOnnx, toTensor, withCausality } from './onnx-tensors';

/** The first opset that has Attention. Opset 24 reads a mask that is shorter than the keys as one that drops the rest; 23 refuses it. */
const opsets = [{ domain: '', version: 23 }];

const name = 'onnxruntime';

/** The backend `onnxruntime`. */
export function onnxruntime(): Backend {
  return defineBackend({
    name,
    versions: onnxVersions(name),
    supports: {
      bridges: ['base', 'rotary'],
      dtypes: ['float32', 'float64', 'float16'],
      maskRanks: [2, 3, 4],
      maskForms: ['boolean', 'additive'],
      causal: 'bottom_right',
      bidirectional: true,
      fullyMaskedRow: 'zeros',
      // No scoreSentinel: dropped scores are finfo.min in float32, the score plus finfo.min in float16, and -inf in float64.
      groupedHeads: true,
      cache: true,
      crossLength: true,
      valueDim: true,
      scale: true,
      softcap: true,
      returns: ['output', 'weights', 'scores'],
      precision: { float32: precisionOf('float32'), float64: precisionOf('float64'), float16: precisionOf('float16') },
    },
    open: () => {
      const sessions = new OnnxSessions(name);
      return { attend: (cases) => sessions.answer(cases, answer), close: () => sessions.close() };
    },
  });
}

/** How the operator computes: query and key each times sqrt(scale), which is a float32 for every dtype. */
function precisionOf(dtype: 'float32' | 'float64' | 'float16'): Precision {
  // The tables are computed in float64 and rounded; the operator rounds the three operations of a rotation, and the rotated vectors in half precision.
  const rotary = { angle: 2 ** -53, trig: 2, pow: 2, table: dtype, rotated: dtype };
  if (dtype === 'float64') {
    const { u } = finfo.float64;
    return {
      accumulate: { type: 'float64' },
      scale: { roundings: 4, error: 2 ** -22 },
      exp: { relative: 4 * u, tiny: Number.MIN_VALUE },
      divide: 2,
      rotary,
    };
  }
  const { u } = finfo.float32;
  const float32: Precision = {
    accumulate: { type: 'float32' },
    scale: { roundings: 4 },
    exp: { relative: 4 * u, tiny: 2 ** -149 },
    divide: 2,
    rotary,
  };
  if (dtype === 'float32') return float32;
  const half = { type: 'float16' } as const;
  return {
    ...float32,
    scale: { roundings: 4, stored: half },
    dot: half,
    masked: half,
    weights: { ...half, normalised: true, inSum: false },
    output: 'float16',
  };
}

async function answer(runtime: OnnxRuntime, sessions: OnnxSessions, c: AttentionCase): Promise<BackendAnswer> {
  const variant = variantOf(c);
  const results = await sessions.run(variant, () => attentionModel(variant), feedsOf(runtime, c, variant));
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const read = (name: string, columns: number): FloatTensor =>
    toTensor(results[name], c.query.dtype, [batch, numHeads, qLen, columns]);
  return {
    output: read('output', vHeadDim),
    ...(variant.weights ? { weights: read('weights', kvLen) } : {}),
    ...(variant.scores ? { scores: read('scores', kvLen) } : {}),
  };
}

/** What a model is made for: a session each. Shapes are left open. */
interface Variant {
  readonly dtype: FloatType;
  readonly maskType: 'bool' | FloatType | undefined;
  /** The operator's own causality. */
  readonly isCausal: boolean;
  /** Keys before the first query go in as the past: that is what makes the operator's causality bottom_right. */
  readonly past: boolean;
  readonly scale: number | undefined;
  readonly softcap: number | undefined;
  readonly rotary: { readonly layout: 'half' | 'interleaved'; readonly rotaryDim: number } | undefined;
  readonly weights: boolean;
  readonly scores: boolean;
}

function variantOf(c: AttentionCase): Variant {
  const { qLen, kvLen, headDim } = sizesOf(c);
  // A mask of rank 4 says everything: the operator must not add causality to it.
  const isCausal = c.isCausal && c.mask?.rank !== 4 && !liftsCausality(c);
  return {
    dtype: c.query.dtype,
    maskType: c.mask === undefined ? undefined : c.mask.form === 'additive' ? c.mask.tensor.dtype : 'bool',
    isCausal,
    past: isCausal && qLen < kvLen,
    scale: c.scale === 1 / Math.sqrt(headDim) ? undefined : c.scale,
    softcap: c.softcap,
    rotary:
      c.bridge === 'rotary' && c.rotary !== undefined
        ? { layout: c.rotary.layout, rotaryDim: c.rotary.rotaryDim }
        : undefined,
    weights: c.want.weights === true,
    scores: c.want.scores === true,
  };
}

/** What the operator returns beside the output, by `qk_matmul_output_mode`. */
const returned = { scores: 2, weights: 3 } as const;

function attentionModel(variant: Variant): OnnxModel {
  const { dtype, maskType, past, rotary } = variant;
  const inputs: OnnxValue[] = [];
  const nodes: OnnxNode[] = [];
  const input = (name: string, type: OnnxValue['type']): string => {
    inputs.push({ name, type });
    return name;
  };
  const type = onnxType(dtype);
  const vectors = (name: 'query' | 'key' | 'past_key'): string => {
    input(name, type);
    if (rotary === undefined) return name;
    const tables = [input(`${name}_cos`, type), input(`${name}_sin`, type)];
    nodes.push(...rotation(name, tables, rotary, dtype, input));
    return `${name}_rotated`;
  };
  const operands = [
    vectors('query'),
    vectors('key'),
    input('value', type),
    maskType === undefined ? '' : input('mask', maskType === 'bool' ? 'bool' : onnxType(maskType)),
    ...(past ? [vectors('past_key'), input('past_value', type)] : []),
  ];
  const { isCausal, scale, softcap } = variant;
  const attend = (outputs: readonly string[], mode: number): OnnxNode => ({
    operator: 'Attention',
    inputs: operands,
    outputs,
    ints: { is_causal: isCausal ? 1 : 0, qk_matmul_output_mode: mode },
    floats: { ...(scale === undefined ? {} : { scale }), ...(softcap === undefined ? {} : { softcap }) },
  });
  // The operator insists on returning the present where there is a past.
  const present = (n: number) => (past ? [`present_key_${n}`, `present_value_${n}`] : ['', '']);
  const wanted = (['weights', 'scores'] as const).filter((what) => variant[what]);
  if (wanted.length === 0) nodes.push(attend(past ? ['output', ...present(0)] : ['output'], 0));
  // One node returns one of them: scores beside weights take a second one.
  wanted.forEach((what, n) =>
    nodes.push(attend([n === 0 ? 'output' : `output_${n}`, ...present(n), what], returned[what])),
  );
  return { opsets, nodes, inputs, outputs: ['output', ...wanted].map((name) => ({ name, type })) };
}

/** RotaryEmbedding, or in float64, which it does not take, the same in elementary operators: x cos + (x, pairs swapped) sin. */
function rotation(
  name: string,
  tables: readonly string[],
  { layout, rotaryDim }: NonNullable<Variant['rotary']>,
  dtype: FloatType,
  input: (name: string, type: OnnxValue['type']) => string,
): readonly OnnxNode[] {
  if (dtype !== 'float64') {
    const ints = { interleaved: layout === 'interleaved' ? 1 : 0, rotary_embedding_dim: rotaryDim };
    return [{ operator: 'RotaryEmbedding', inputs: [name, ...tables], outputs: [`${name}_rotated`], ints }];
  }
  const [cos, sin] = tables;
  const swap = input(`${name}_swap`, 'int64');
  return [
    { operator: 'Gather', inputs: [name, swap], outputs: [`${name}_swapped`], ints: { axis: 3 } },
    { operator: 'Mul', inputs: [name, cos], outputs: [`${name}_cos_part`] },
    { operator: 'Mul', inputs: [`${name}_swapped`, sin], outputs: [`${name}_sin_part`] },
    { operator: 'Add', inputs: [`${name}_cos_part`, `${name}_sin_part`], outputs: [`${name}_rotated`] },
  ];
}

function onnxType(dtype: FloatType): OnnxValue['type'] {
  if (dtype === 'bfloat16') throw new Error('The CPU provider of ONNX Runtime has no Attention in bfloat16.');
  return dtype;
}

function feedsOf(runtime: OnnxRuntime, c: AttentionCase, { past, rotary, dtype }: Variant): Feeds {
  const { batch, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const before = past ? kvLen - qLen : 0;
  const feeds: Feeds = { query: toOnnx(runtime, c.query) };
  const rows = (name: string, tensor: FloatTensor, from: number, to: number, columns: number): void => {
    feeds[name] = toOnnx(runtime, keyRange(tensor, batch * numKvHeads, kvLen, columns, from, to, [batch, numKvHeads]));
  };
  rows('key', c.key, before, kvLen, headDim);
  rows('value', c.value, before, kvLen, vHeadDim);
  if (past) {
    rows('past_key', c.key, 0, before, headDim);
    rows('past_value', c.value, 0, before, vHeadDim);
  }
  if (c.mask !== undefined) feeds.mask = toOnnx(runtime, operatorMask(c, c.mask));
  if (rotary !== undefined && c.rotary !== undefined) {
    const ranges = { query: [kvLen - qLen, kvLen], key: [before, kvLen], ...(past ? { past_key: [0, before] } : {}) };
    for (const [name, [from, to]] of Object.entries(ranges)) {
      const tables = rotaryTables(c.rotary, batch, from, to, headDim, dtype);
      for (const [table, tensor] of Object.entries(tables)) feeds[`${name}_${table}`] = toOnnx(runtime, tensor);
    }
  }
  return feeds;
}

/** A mask as the operator reads it: [batch or 1, num_heads or 1, q_len, kv_len], true keeps. */
function operatorMask(c: AttentionCase, mask: Mask): FloatTensor | BoolTensor {
  const { qLen, kvLen } = sizesOf(c);
  if (mask.form === 'additive' && mask.rank !== 4 && c.isCausal && liftsCausality(c)) {
    return withCausality(expandedMask(mask.rank, mask.tensor, qLen), kvLen - qLen, -Infinity);
  }
  if (mask.form === 'integer') throw new Error('The operator has no integer masks.');
  return expandedMask(mask.rank, mask.tensor, qLen);
}

/**
 * float64 has no kernel: the operator is replaced by its function body, and that body adds a float32 causal mask to an additive one, which does
 * not load ("Type parameter (T) of Optype (Add) bound to different types"). Causality is written into the mask there.
 */
function liftsCausality({ query, mask }: AttentionCase): boolean {
  return query.dtype === 'float64' && mask?.form === 'additive';
}

/** Cosines and sines of the positions of keys `from` up to `to`: [batch, length, rotary_dim / 2]; in float64 [batch, 1, length, head_dim] and the order that swaps pairs. */
function rotaryTables(
  rotary: NonNullable<AttentionCase['rotary']>,
  batch: number,
  from: number,
  to: number,
  headDim: number,
  dtype: FloatType,
): Readonly<Record<string, FloatTensor | { dtype: 'int64'; shape: readonly number[]; data: Float64Array }>> {
  const { rotaryDim, layout, positionIds } = rotary;
  const kvLen = positionIds.shape[1];
  const pairs = rotaryDim / 2;
  const length = to - from;
  const elementary = dtype === 'float64';
  const width = elementary ? headDim : pairs;
  const cos = new Float64Array(batch * length * width).fill(1);
  const sin = new Float64Array(batch * length * width);
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < length; n++) {
      for (let pair = 0; pair < pairs; pair++) {
        const angle = positionIds.data[b * kvLen + from + n] * rotary.base ** ((-2 * pair) / rotaryDim);
        const row = (b * length + n) * width;
        const [first, second] = elementary ? featuresOf(pair, layout, pairs) : [pair, pair];
        cos[row + first] = cos[row + second] = Math.cos(angle);
        sin[row + first] = elementary ? -Math.sin(angle) : Math.sin(angle);
        sin[row + second] = Math.sin(angle);
      }
    }
  }
  if (!elementary) {
    const shape = [batch, length, pairs];
    return { cos: { dtype, shape, data: cos }, sin: { dtype, shape, data: sin } };
  }
  const swap = Float64Array.from({ length: headDim }, (_, d) => d);
  for (let pair = 0; pair < pairs; pair++) {
    const [first, second] = featuresOf(pair, layout, pairs);
    [swap[first], swap[second]] = [second, first];
  }
  const shape = [batch, 1, length, headDim];
  return {
    cos: { dtype, shape, data: cos },
    sin: { dtype, shape, data: sin },
    swap: { dtype: 'int64', shape: [headDim], data: swap },
  };
}

function featuresOf(pair: number, layout: 'half' | 'interleaved', pairs: number): readonly [number, number] {
  return layout === 'half' ? [pair, pair + pairs] : [2 * pair, 2 * pair + 1];
}
