import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Float16Array } from '@petamoriken/float16';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FloatType, Tensor } from '../../../reference/case';
import { boolTensor, floatTensor, intTensor, sameBytes, sizeOf } from '../../../reference/tensor';
import { readSafetensors, SafetensorsError, writeSafetensors } from '../../../src/protocol/safetensors';
import { pythonWith } from '../../workers/support';

/** Written by the official package, safetensors 0.8 for Python. */
const official =
  'SAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJtYXNrcHJvb2YiOiJ7XCLDqVwiOjF9In0sImkiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzEsMl0sImRhdGFfb2Zmc2V0cyI6WzAsMTZdfSwiYSI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMiwyXSwiZGF0YV9vZmZzZXRzIjpbMTYsNDhdfSwiYiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzQ4LDU2XX0sImgiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls1Niw2Ml19LCJtIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzYyLDY1XX19ICAgICAg/f////////8HAAAAAAAAAAAAAAAAAPg/AAAAAAAAAIAAAAAAAADwfwEAAAAAAAAAzczMPZ7Jf3//ewEAAIABAAE=';

const floats: readonly FloatType[] = ['float64', 'float32', 'float16', 'bfloat16'];

const someTensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.constantFrom(...floats, 'bool' as const, 'int64' as const),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
  )
  .chain(([dtype, shape]): fc.Arbitrary<Tensor> => {
    const length = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
    if (dtype === 'bool') return fc.array(fc.boolean(), length).map((data) => boolTensor(shape, data));
    if (dtype === 'int64') return fc.array(fc.maxSafeInteger(), length).map((data) => intTensor(shape, data));
    return fc.array(fc.double(), length).map((data) => floatTensor(dtype, shape, data));
  });

describe('safetensors', () => {
  it('come back bit for bit, in any mixture and from any offset', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), someTensor),
        fc.dictionary(fc.string(), fc.string()),
        (tensors, metadata) => {
          const entries = Object.entries(tensors).filter(([name]) => name !== '__metadata__' && name !== '__proto__');
          const texts = Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== '__proto__'));
          const written = writeSafetensors(entries, texts, 8);
          for (const file of [written.subarray(8), shifted(written.subarray(8), 1)]) {
            const back = readSafetensors(file);
            expect(back.metadata).toEqual(texts);
            expect([...back.tensors.keys()].sort()).toEqual(entries.map(([name]) => name).sort());
            for (const [name, tensor] of entries) expect(sameBytes(back.tensors.get(name)!, tensor)).toBe(true);
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it('of the official package are read', () => {
    const { metadata, tensors } = readSafetensors(Buffer.from(official, 'base64'));
    expect(metadata).toEqual({ maskproof: '{"é":1}' });
    expect(tensors.get('a')).toEqual(floatTensor('float64', [2, 2], [1.5, -0, Infinity, 5e-324]));
    expect(tensors.get('b')).toEqual(floatTensor('float32', [2], [0.1, 3.4e38]));
    expect(tensors.get('h')).toEqual(floatTensor('float16', [3], [65504, 6e-8, -0]));
    expect(tensors.get('i')).toEqual(intTensor([1, 2], [-3, 7]));
    expect(tensors.get('m')).toEqual(boolTensor([3], [1, 0, 1]));
  });

  it('know every float16 as its polyfill does', () => {
    const words = Uint16Array.from({ length: 1 << 16 }, (_, n) => n);
    const numbers = Float64Array.from(new Float16Array(words.buffer));
    const file = writeSafetensors([['h', { dtype: 'float16', shape: [1 << 16], data: numbers }]]);
    expect(readSafetensors(file).tensors.get('h')?.data).toEqual(numbers);
    const written = new Uint16Array(file.slice(-(2 << 16)).buffer);
    const same = words.every((word, n) => written[n] === word || Number.isNaN(numbers[n]));
    expect(same).toBe(true);
  });

  const python = pythonWith('numpy', 'safetensors');
  it.skipIf(python === undefined)('are read by the official package', () => {
    const folder = mkdtempSync(join(tmpdir(), 'maskproof-'));
    const tensors: [string, Tensor][] = floats.map((dtype) => [dtype, floatTensor(dtype, [2, 1], [1.5, -Infinity])]);
    tensors.push(['mask', boolTensor([3], [1, 0, 1])], ['ids', intTensor([2], [-1, 2 ** 40])]);
    const file = join(folder, 'ours.safetensors');
    writeFileSync(file, writeSafetensors(tensors, { maskproof: '{"é":1}' }));
    const script = [
      'import json, sys, numpy as np',
      'from safetensors import safe_open, deserialize',
      'data = open(sys.argv[1], "rb").read()',
      'found = {name: [t["dtype"], t["shape"], bytes(t["data"]).hex()] for name, t in deserialize(data)}',
      'with safe_open(sys.argv[1], "np") as f: found["metadata"] = f.metadata()',
      'json.dump(found, sys.stdout)',
    ].join('\n');
    const found = JSON.parse(execFileSync(python!, ['-c', script, file], { encoding: 'utf8' })) as unknown;
    expect(found).toEqual({
      float64: ['F64', [2, 1], '000000000000f83f000000000000f0ff'],
      float32: ['F32', [2, 1], '0000c03f000080ff'],
      float16: ['F16', [2, 1], '003e00fc'],
      bfloat16: ['BF16', [2, 1], 'c03f80ff'],
      mask: ['BOOL', [3], '010001'],
      ids: ['I64', [2], 'ffffffffffffffff0000000000010000'],
      metadata: { maskproof: '{"é":1}' },
    });
    expect(readFileSync(file).length % 8).toBe(3);
  });

  it.each([
    ['12345678', '4 bytes are too few for a header.'],
    ['ff00000000000000', 'The header is said to have 255 bytes, where 0 follow.'],
    [text('{]'), /^The header is no JSON: /],
    [text('[]'), 'The header is no JSON object.'],
    [text('{"__metadata__":{"a":1}}'), '__metadata__ holds something else than strings.'],
    [
      text('{"x":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}', 4),
      'The tensor x has the dtype "I32"; it is one of F64, F32, F16, BF16, I64, BOOL.',
    ],
    [text('{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4), 'The tensor x has the shape [-1].'],
    [
      text('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 4),
      'The tensor x has the data_offsets [0,8], where 4 bytes of numbers follow.',
    ],
    [text('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4), 'The tensor x has 4 bytes, where 8 are due.'],
    [text('{"x":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}', 8), 'The tensors overlap or leave a gap at byte 0.'],
    [
      text(
        '{"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
        4,
      ),
      'The tensors overlap or leave a gap at byte 0.',
    ],
    [text('{"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 5), '1 bytes at the end belong to no tensor.'],
  ])('%s is refused with a sentence', (hex, message) => {
    const read = () => readSafetensors(Buffer.from(hex, 'hex'));
    expect(read).toThrow(SafetensorsError);
    expect(read).toThrow(message);
  });
});

/** The same bytes where nothing is aligned. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const room = new Uint8Array(bytes.length + by);
  room.set(bytes, by);
  return room.subarray(by);
}

/** A file with this header and so many zero bytes, in hexadecimal. */
function text(header: string, bytes = 0): string {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, Buffer.from(header), Buffer.alloc(bytes)]).toString('hex');
}
