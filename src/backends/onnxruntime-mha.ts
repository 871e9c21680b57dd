/**
 * ONNX Runtime's contributed operator com.microsoft.MultiHeadAttention, on its CPU provider and on its WebGPU provider.
 * Boolean masks of rank 2 and 3 are its key_padding_mask where the provider has that, everything else its attention_bias; causality is its `unidirectional`.
 * What it adds for padding is -10000 unless a model says otherwise, and models seldom do: that default is what is tested here.
 */
import { type AttentionCase, type FloatTensor, type Mask, sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import type { Precision } from '../../reference/precision';
import { defineBackend, type Backend, type BackendAnswer, type BackendSession, type Supports } from '../backend';
import type { OnnxModel, OnnxValue } from './onnx-model';
import { OnnxSessions, onnxVersions, type Feeds, type OnnxRuntime, type Provider } from './onnx-sessions';
import { expandedMask, keyRange, toOnnx, swapped, toTensor, withCausality } from './onnx-tensors';
import { loadError } from './optional';

const contributed = 'com.microsoft';
/** The default of `mask_filter_value`. */
const paddingFill = -10000;

/** What the operator takes on either provider. */
const common: Partial<Supports> = {
  bridges: ['base'],
  maskRanks: [2, 3, 4],
  maskForms: ['boolean', 'additive', 'integer'],
  causal: 'bottom_right',
  bidirectional: true,
  cache: true,
  crossLength: true,
  valueDim: true,
  scale: true,
};

/** The backend `onnxruntime-mha`. */
export function onnxruntimeMha(): Backend {
  const name = 'onnxruntime-mha';
  return defineBackend({
    name,
    versions: onnxVersions(name),
    supports: {
      ...common,
      dtypes: ['float32', 'float16'],
      // key_padding_mask adds -10000 to every score of such a row, where causality drops with finfo.min.
      fullyMaskedRow: { boolean: 'unspecified', finfo: 'uniform', inf: 'nan' },
      returns: ['output', 'scores'],
      precision: { float32: onCpu, float16: { ...onCpu, output: 'float16' } },
    },
    open: () => openOn(new OnnxSessions(name)),
  });
}

/** The backend `onnxruntime-webgpu`: nothing of it runs on the CPU. */
export async function onnxruntimeWebgpu(): Promise<Backend> {
  const name = 'onnxruntime-webgpu';
  const versions = onnxVersions(name);
  await tryProvider(name);
  return defineBackend({
    name,
    versions,
    supports: {
      ...common,
      // No promise for rows that keep nothing: keys that causality drops are left out there, and those that the mask drops weigh alike.

      precision: { float32: onWebgpu },
    },
    open: () => openOn(new OnnxSessions(name, 'webgpu')),
  });
}

/** A product of two numbers: where there is no adapter, it says so before any property is checked. */
async function tryProvider(name: string): Promise<void> {
  const sessions = new OnnxSessions(name, 'webgpu');
  const [a, b, c] = ['a', 'b', 'c'].map((label) => ({ name: label, type: 'float32' as const }));
  const opsets = [{ domain: '', version: 23 }];
  const nodes = [{ operator: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }];
  try {
    const number = (x: number) => ({ dtype: 'float32', shape: [1, 1], data: Float64Array.of(x) }) as const;
    const runtime = sessions.load();
    const feeds = { a: toOnnx(runtime, number(2)), b: toOnnx(runtime, number(3)) };
    await sessions.run({}, () => ({ opsets, nodes, inputs: [a, b], outputs: [c] }), feeds);
  } catch (error) {
    // What comes before is a path and a condition of its source.
    const reason = String(error)
      .replace(/^.* was (?:false|true)\. /s, '')
      .trim();
    const mend = 'Install the driver of the GPU; without a GPU, docs/gpu.md says how to use a driver in software.';
    throw loadError(error, 'no_device', name, `ONNX Runtime's WebGPU provider does not run here: ${reason}\n  ${mend}`);
  } finally {
    await sessions.close();
  }
}

function openOn(sessions: OnnxSessions): BackendSession {
  return { attend: (cases) => sessions.answer(cases, answer), close: () => sessions.close() };
}

/** float16 goes through casts to float32 and back that the runtime inserts: the provider has no half-precision kernel. */
const onCpu: Precision = {
  accumulate: { type: 'float32' },
  scale: { roundings: 2 },
  exp: { relative: 4 * finfo.float32.u, tiny: 2 ** -149 },
  divide: 2,
  // Without masks and causality its flash kernel runs, in tiles as the L2 cache has them; this is fewer than any.
  tile: 64,
  finfoFill: paddingFill,
};

/** By the text of WGSL, as in reference/gpu/engines/webgpu.ts; its flash kernel takes 16 keys at a time. */
const onWebgpu: Precision = {
  accumulate: { type: 'float32', flush: true, unitRoundoff: 2 * finfo.float32.u },
  scale: { roundings: 2 },
  exp: { relative: 6 * finfo.float32.u, perUnit: 4 * finfo.float32.u, tiny: 2 ** -126 },
  divide: 6,
  tile: 16,
  finfoFill: finfo.float32.lowest,
};

interface Variant {
  readonly type: 'float32' | 'float16';
  readonly numHeads: number;
  readonly mask: 'key_padding_mask' | 'attention_bias' | undefined;
  readonly isCausal: boolean;
  readonly past: boolean;
  readonly scale: number | undefined;
  readonly scores: boolean;
}

function variantOf(c: AttentionCase, provider: Provider): Variant {
  const { numHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const { dtype } = c.query;
  if (dtype !== 'float32' && dtype !== 'float16') throw new Error(`The operator has no ${dtype}.`);
  const isCausal = c.isCausal && c.mask?.rank !== 4;
  // Without a past, `unidirectional` reads q_len < kv_len neither as top_left nor as bottom_right; a past must have value and key of one width.
  const lifted = isCausal && qLen < kvLen && headDim !== vHeadDim;
  // The WebGPU provider has no key_padding_mask.
  const padding =
    provider === 'cpu' && !lifted && c.mask !== undefined && c.mask.form !== 'additive' && c.mask.rank !== 4;
  return {
    type: dtype,
    numHeads,
    mask: padding ? 'key_padding_mask' : c.mask !== undefined || lifted ? 'attention_bias' : undefined,
    isCausal: isCausal && !lifted,
    past: isCausal && qLen < kvLen && !lifted,
    scale: c.scale === 1 / Math.sqrt(headDim) ? undefined : c.scale,
    scores: c.want.scores === true,
  };
}

function attentionModel({ type, numHeads, mask, isCausal, past, scale, scores }: Variant): OnnxModel {
  const inputs: OnnxValue[] = [];
  const input = (present: boolean, label: string, of: OnnxValue['type'] = type): string => {
    if (!present) return '';
    inputs.push({ name: label, type: of });
    return label;
  };
  const operands = [
    input(true, 'query'),
    input(true, 'key'),
    input(true, 'value'),
    '',
    input(mask === 'key_padding_mask', 'key_padding_mask', 'int32'),
    input(mask === 'attention_bias', 'attention_bias'),
    input(past, 'past_key'),
    input(past, 'past_value'),
  ];
  // Without its present outputs the operator leaves the past out, and says nothing.
  const present = past ? ['present_key', 'present_value'] : ['', ''];
  const outputs = scores ? ['output', ...present, 'scores'] : past ? ['output', ...present] : ['output'];
  return {
    opsets: [
      { domain: '', version: 23 },
      { domain: contributed, version: 1 },
    ],
    nodes: [
      {
        operator: 'MultiHeadAttention',
        domain: contributed,
        inputs: operands,
        outputs,
        ints: { num_heads: numHeads, unidirectional: isCausal ? 1 : 0 },
        floats: scale === undefined ? {} : { scale },
      },
    ],
    inputs,
    outputs: ['output', ...(scores ? ['scores'] : [])].map((label) => ({ name: label, type })),
  };
}

async function answer(runtime: OnnxRuntime, sessions: OnnxSessions, c: AttentionCase): Promise<BackendAnswer> {
  const variant = variantOf(c, sessions.provider);
  const results = await sessions.run(variant, () => attentionModel(variant), feedsOf(runtime, c, variant));
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const { dtype } = c.query;
  const output = toTensor(results.output, dtype, [batch, qLen, numHeads * vHeadDim]);
  return {
    output: {
      dtype,
      shape: [batch, numHeads, qLen, vHeadDim],
      data: swapped(output.data, batch, qLen, numHeads, vHeadDim),
    },
    ...(variant.scores ? { scores: toTensor(results.scores, dtype, [batch, numHeads, qLen, kvLen]) } : {}),
  };
}

function feedsOf(runtime: OnnxRuntime, c: AttentionCase, variant: Variant): Feeds {
  const { batch, numHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const before = variant.past ? kvLen - qLen : 0;
  const hidden = (tensor: FloatTensor, columns: number): FloatTensor => {
    const length = tensor.shape[2];
    return {
      dtype: tensor.dtype,
      shape: [batch, length, numHeads * columns],
      data: swapped(tensor.data, batch, numHeads, length, columns),
    };
  };
  const keys = (tensor: FloatTensor, columns: number, from: number, to: number): FloatTensor =>
    keyRange(tensor, batch * numHeads, kvLen, columns, from, to, [batch, numHeads]);
  const tensors = {
    query: hidden(c.query, headDim),
    key: hidden(keys(c.key, headDim, before, kvLen), headDim),
    value: hidden(keys(c.value, vHeadDim, before, kvLen), vHeadDim),
    ...(variant.past
      ? { past_key: keys(c.key, headDim, 0, before), past_value: keys(c.value, vHeadDim, 0, before) }
      : {}),
    ...(variant.mask === 'attention_bias' ? { attention_bias: biasOf(c) } : {}),
  };
  const feeds: Feeds = {};
  for (const [label, tensor] of Object.entries(tensors)) feeds[label] = toOnnx(runtime, tensor);
  if (variant.mask === 'key_padding_mask' && c.mask !== undefined) {
    feeds.key_padding_mask = toOnnx(
      runtime,
      { ...c.mask.tensor, dtype: 'int64', data: Float64Array.from(c.mask.tensor.data) },
      'int32',
    );
  }
  return feeds;
}

/** What is added to the scores: an additive mask, or finfo.min where a boolean one drops, [batch or 1, num_heads or 1, q_len, kv_len]. */
function biasOf(c: AttentionCase): FloatTensor {
  const { qLen, kvLen } = sizesOf(c);
  const { dtype } = c.query;
  const { lowest } = finfo[dtype];
  const mask = c.mask === undefined ? keepsAll(qLen, kvLen) : c.mask;
  const expanded = expandedMask(mask.rank, mask.tensor, qLen);
  const data =
    mask.form === 'additive'
      ? Float64Array.from(expanded.data)
      : Float64Array.from(expanded.data, (keep) => (keep ? 0 : lowest));
  const bias: FloatTensor = { dtype, shape: expanded.shape, data };
  return c.isCausal && mask.rank !== 4 ? withCausality(bias, kvLen - qLen, lowest) : bias;
}

function keepsAll(qLen: number, kvLen: number): Mask {
  return {
    rank: 3,
    form: 'boolean',
    tensor: { dtype: 'bool', shape: [1, qLen, kvLen], data: new Uint8Array(qLen * kvLen).fill(1) },
  };
}
