import { join } from 'node:path';
import { PbfReader } from 'pbf';
import { describe, expect, it } from 'vitest';
import type { AttentionCase, FloatTensor, FloatType } from '../../../reference/case';
import type { BackendAnswer } from '../../../src/backend';
import { builtinBackend, builtinNames } from '../../../src/backends/builtin';
import { encodeModel, type OnnxModel } from '../../../src/backends/onnx-model';
import { expandedMask, toOnnx, toTensor, withCausality } from '../../../src/backends/onnx-tensors';
import { loadOptional, optionalVersion } from '../../../src/backends/optional';
import { BackendError } from '../../../src/errors';
import { loadKnownFailures } from '../../../src/known-failures';
import { properties } from '../../../properties';

describe('encodeModel', () => {
  const model: OnnxModel = {
    opsets: [{ domain: '', version: 23 }],
    nodes: [
      {
        operator: 'Attention',
        inputs: ['query', '', 'value'],
        outputs: ['output'],
        ints: { is_causal: 1 },
        floats: { scale: 0.5 },
      },
    ],
    inputs: [{ name: 'query', type: 'float16' }],
    outputs: [{ name: 'output', type: 'float16' }],
  };

  it('writes the fields of onnx.proto', async () => {
    const bytes = await encodeModel(model);
    expect(fields(bytes)).toMatchObject({ 1: [10] });
    const graph = fields(fields(bytes)[7][0] as Uint8Array);
    const node = fields(graph[1][0] as Uint8Array);
    expect(node[1].map(text)).toEqual(['query', '', 'value']);
    expect(node[4].map(text)).toEqual(['Attention']);
    const attributes = node[5].map((attribute) => fields(attribute as Uint8Array));
    expect(attributes.map((attribute) => text(attribute[1][0]))).toEqual(['is_causal', 'scale']);
    expect(attributes.map((attribute) => attribute[20])).toEqual([[2], [1]]);
    const opset = fields(fields(bytes)[8][0] as Uint8Array);
    expect(opset[2]).toEqual([23]);
  });
});

describe('expandedMask', () => {
  it('repeats the row of a mask that has one for all queries', () => {
    const tensor = { dtype: 'bool', shape: [2, 2], data: Uint8Array.from([1, 0, 0, 1]) } as const;
    expect(expandedMask(2, tensor, 2)).toEqual({
      dtype: 'bool',
      shape: [2, 1, 2, 2],
      data: Uint8Array.from([1, 0, 1, 0, 0, 1, 0, 1]),
    });
    const broadcast = { ...tensor, shape: [1, 2, 1, 2] };
    expect(expandedMask(4, broadcast, 2)).toEqual({
      dtype: 'bool',
      shape: [1, 2, 2, 2],
      data: Uint8Array.from([1, 0, 1, 0, 0, 1, 0, 1]),
    });
  });

  it('puts the head axis between batch and queries, and leaves wrong lengths wrong', () => {
    const tensor = { dtype: 'bool', shape: [2, 1, 2], data: Uint8Array.from([1, 0, 0, 1]) } as const;
    expect(expandedMask(3, tensor, 5).shape).toEqual([2, 1, 1, 2]);
  });

  it('takes causality in', () => {
    const mask: FloatTensor = { dtype: 'float64', shape: [1, 1, 2, 3], data: new Float64Array(6) };
    expect([...withCausality(mask, 1, -Infinity).data]).toEqual([0, 0, -Infinity, 0, 0, 0]);
  });
});

describe('tensors', () => {
  const numbers = [0, -0, 1, -2.5, 65504, 2 ** -14, 2 ** -24, -3 * 2 ** -24, Infinity, -Infinity, NaN];
  it.each<FloatType>(['float16', 'float32', 'float64'])(
    'go to ONNX Runtime and back as they are in %s',
    async (dtype) => {
      const runtime = await import('onnxruntime-node');
      const tensor: FloatTensor = { dtype, shape: [numbers.length], data: Float64Array.from(numbers) };
      expect(toTensor(toOnnx(runtime, tensor), dtype, tensor.shape)).toEqual(tensor);
    },
  );

  it('of another shape than was asked for are an error', async () => {
    const runtime = await import('onnxruntime-node');
    const tensor: FloatTensor = { dtype: 'float32', shape: [2], data: new Float64Array(2) };
    expect(() => toTensor(toOnnx(runtime, tensor), 'float32', [1, 2])).toThrow('The answer is [2], not [1, 2].');
  });
});

describe('sessions', () => {
  it('keep no more sessions than they may, and work on after they were released', async () => {
    const backend = await builtinBackend('onnxruntime');
    const session = await backend.open();
    for (let n = 1; n <= 600; n++) {
      const [answer] = await session.attend([{ ...twoKeys('float32'), scale: n / 64 }]);
      expect(answer).toHaveProperty('output');
    }
    await session.close?.();
    const [again] = await session.attend([twoKeys('float32')]);
    expect(again).toHaveProperty('output');
    await session.close?.();
  });
});

describe('an optional package', () => {
  it('that is missing is an error of loading the backend', () => {
    for (const load of [() => loadOptional('not-here', 'nowhere'), () => optionalVersion('not-here', 'nowhere')]) {
      expect(load).toThrow(BackendError);
      expect(load).toThrow('The package not-here is not installed; the backend nowhere needs it.');
      expect(load).toThrow(expect.objectContaining({ stage: 'load', backend: 'nowhere', code: 'missing_package' }));
    }
  });
});

describe('known-failures/onnxruntime.json', () => {
  it('speaks of properties and backends that exist, with a case each', () => {
    const entries = loadKnownFailures(join(__dirname, '../../../known-failures/onnxruntime.json'));
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(properties.map(({ id }) => id)).toContain(entry.property);
      expect(builtinNames).toContain(entry.backend);
      expect(entry).toHaveProperty('case');
      expect(entry).toHaveProperty('when');
    }
  });
});

/** What the operators do that is a finding: when one of these changes, so do known-failures/onnxruntime.json and the adapters. */
describe('ONNX Runtime 1.30', () => {
  it('answers NaN for a float64 query that keeps no key, and 0 for a float32 one', async () => {
    expect(await outputOf('onnxruntime', { ...twoKeys('float32'), mask: padding([0, 0]) })).toEqual([0]);
    expect(await outputOf('onnxruntime', { ...twoKeys('float64'), mask: padding([0, 0]) })).toEqual([NaN]);
  });

  it('MultiHeadAttention sees a padded key whose score is 10000 above the others', async () => {
    const c = twoKeys('float32');
    const query = { ...c.query, data: Float64Array.from([200]) };
    const key = { ...c.key, data: Float64Array.from([100, 0]) };
    expect(await outputOf('onnxruntime-mha', { ...c, query, key, mask: padding([0, 1]) })).toEqual([1]);
  });
});

async function outputOf(name: string, c: AttentionCase): Promise<readonly number[]> {
  const session = await (await builtinBackend(name)).open();
  const [answer]: readonly BackendAnswer[] = await session.attend([c]);
  await session.close?.();
  if ('error' in answer) throw new Error(answer.error.message);
  return [...answer.output.data];
}

/** One query, the keys 1 and 1, the values 1 and 2. */
function twoKeys(dtype: FloatType): AttentionCase {
  const tensor = (data: number[]): FloatTensor => ({
    dtype,
    shape: [1, 1, data.length, 1],
    data: Float64Array.from(data),
  });
  return {
    bridge: 'base',
    query: tensor([1]),
    key: tensor([1, 1]),
    value: tensor([1, 2]),
    isCausal: false,
    scale: 1,
    want: {},
  };
}

function padding(keep: number[]): AttentionCase['mask'] {
  return { rank: 2, form: 'boolean', tensor: { dtype: 'bool', shape: [1, keep.length], data: Uint8Array.from(keep) } };
}

/** The fields of a message by number: numbers, or bytes. */
function fields(bytes: Uint8Array): Record<number, (number | Uint8Array)[]> {
  return new PbfReader(bytes).readFields<Record<number, (number | Uint8Array)[]>>((tag, result, pbf) => {
    const value = pbf.type === 2 ? pbf.readBytes() : pbf.type === 5 ? pbf.readFloat() : pbf.readVarint();
    (result[tag] ??= []).push(value);
  }, {});
}

function text(bytes: number | Uint8Array): string {
  return new TextDecoder().decode(bytes as Uint8Array);
}
