/** ONNX Runtime's operators with the mask handed over as it is. */
import { sizesOf, type AttentionCase, type Tensor } from '../../reference/case';
import { defineBackend, type Backend, type BackendAnswer } from '../../src/backend';
import type { OnnxModel, OnnxValue } from '../../src/backends/onnx-model';
import { OnnxSessions, onnxVersions, type OnnxRuntime } from '../../src/backends/onnx-sessions';
import { swapped, toOnnx, toTensor } from '../../src/backends/onnx-tensors';

/** Attention-23 takes query, key and value in four axes and the mask as `attn_mask`. */
export function rawAttention(): Backend {
  return raw('Attention (opset 23) attn_mask', async (runtime, sessions, c) => {
    const { dtype } = c.query;
    const mask = c.mask && { name: 'attn_mask', type: c.mask.tensor.dtype as OnnxValue['type'] };
    const type = dtype as OnnxValue['type'];
    const inputs = [{ name: 'query', type }, { name: 'key', type }, { name: 'value', type }, ...(mask ? [mask] : [])];
    const model: OnnxModel = {
      opsets: [{ domain: '', version: 23 }],
      nodes: [
        {
          operator: 'Attention',
          inputs: inputs.map(({ name }) => name),
          outputs: ['output'],
          ints: { is_causal: c.isCausal ? 1 : 0 },
        },
      ],
      inputs,
      outputs: [{ name: 'output', type }],
    };
    const feeds = {
      query: toOnnx(runtime, c.query),
      key: toOnnx(runtime, c.key),
      value: toOnnx(runtime, c.value),
      ...(c.mask && { attn_mask: toOnnx(runtime, c.mask.tensor) }),
    };
    const { output } = await sessions.run({ mask, dtype, causal: c.isCausal }, () => model, feeds);
    const { batch, numHeads, qLen, vHeadDim } = sizesOf(c);
    return { output: toTensor(output, dtype, [batch, numHeads, qLen, vHeadDim]) };
  });
}

/** The contributed MultiHeadAttention takes [batch, length, hidden], and its mask as `key_padding_mask` (int32) or as `attention_bias`. */
export function rawMultiHeadAttention(argument: 'key_padding_mask' | 'attention_bias'): Backend {
  return raw(`MultiHeadAttention ${argument}`, async (runtime, sessions, c) => {
    const { batch, numHeads, qLen, vHeadDim } = sizesOf(c);
    const { dtype } = c.query;
    const type = dtype as OnnxValue['type'];
    const given = c.mask?.tensor;
    const mask: OnnxValue | undefined = given && {
      name: argument,
      type: argument === 'key_padding_mask' && given.dtype === 'int64' ? 'int32' : (given.dtype as OnnxValue['type']),
    };
    const inputs = [{ name: 'query', type }, { name: 'key', type }, { name: 'value', type }, ...(mask ? [mask] : [])];
    const before = argument === 'key_padding_mask' ? [''] : ['', ''];
    const model: OnnxModel = {
      opsets: [
        { domain: '', version: 23 },
        { domain: 'com.microsoft', version: 1 },
      ],
      nodes: [
        {
          operator: 'MultiHeadAttention',
          domain: 'com.microsoft',
          inputs: ['query', 'key', 'value', ...(mask ? [...before, argument] : [])],
          outputs: ['output'],
          ints: { num_heads: numHeads, unidirectional: c.isCausal ? 1 : 0 },
        },
      ],
      inputs,
      outputs: [{ name: 'output', type }],
    };
    const feeds = {
      query: toOnnx(runtime, together(c.query)),
      key: toOnnx(runtime, together(c.key)),
      value: toOnnx(runtime, together(c.value)),
      ...(given && { [argument]: toOnnx(runtime, given, mask?.type === 'int32' ? 'int32' : 'int64') }),
    };
    const { output } = await sessions.run({ mask, dtype, numHeads, causal: c.isCausal }, () => model, feeds);
    const flat = toTensor(output, dtype, [batch, qLen, numHeads * vHeadDim]);
    return {
      output: {
        dtype,
        shape: [batch, numHeads, qLen, vHeadDim],
        data: swapped(flat.data, batch, qLen, numHeads, vHeadDim),
      },
    };
  });
}

function raw(
  name: string,
  answer: (runtime: OnnxRuntime, sessions: OnnxSessions, c: AttentionCase) => Promise<BackendAnswer>,
): Backend {
  return defineBackend({
    name,
    versions: onnxVersions(name),
    supports: { causal: 'top_left' },
    open: () => {
      const sessions = new OnnxSessions(name);
      return { attend: (cases) => sessions.answer(cases, answer), close: () => sessions.close() };
    },
  });
}

/** [batch, heads, length, columns] as [batch, length, heads x columns]. */
function together({ dtype, shape, data }: Extract<Tensor, { data: Float64Array }>) {
  const [batch, heads, length, columns] = shape;
  return {
    dtype,
    shape: [batch, length, heads * columns],
    data: swapped(data, batch, heads, length, columns),
  } as Tensor;
}
