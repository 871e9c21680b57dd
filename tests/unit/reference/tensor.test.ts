import { describe, expect, it } from 'vitest';
import { at, boolTensor, floatTensor, intTensor, sameBytes, sizeOf, zeros } from '../../../reference/tensor';

describe('tensors', () => {
  it('hold rounded copies', () => {
    const values = [0.1, 0.2];
    const tensor = floatTensor('float32', [2], values);
    expect([...tensor.data]).toEqual(values.map(Math.fround));
    expect(boolTensor([2], [true, 0]).data).toEqual(Uint8Array.of(1, 0));
    expect(zeros('float16', [2, 3]).data).toHaveLength(sizeOf([2, 3]));
  });

  it('refuse another length than their shape holds', () => {
    expect(() => intTensor([2, 2], [1])).toThrow('A tensor of shape [2, 2] holds 4 numbers, not 1.');
  });

  it('are row-major and bounds-checked', () => {
    const tensor = intTensor([2, 3], [0, 1, 2, 3, 4, 5]);
    expect(at(tensor, 1, 2)).toBe(5);
    expect(() => at(tensor, 1, 3)).toThrow('There is no [1, 3] in a tensor of shape [2, 3].');
    expect(() => at(tensor, 1)).toThrow(RangeError);
    expect(() => at(tensor, 1, 0, 0)).toThrow(RangeError);
  });

  it('tell -0 from 0 and NaN from nothing', () => {
    const tensor = (...values: number[]) => floatTensor('float64', [values.length], values);
    expect(sameBytes(tensor(NaN, 1), tensor(NaN, 1))).toBe(true);
    expect(sameBytes(tensor(0), tensor(-0))).toBe(false);
    expect(sameBytes(tensor(0), floatTensor('float32', [1], [0]))).toBe(false);
    expect(sameBytes(tensor(0, 0), floatTensor('float64', [1, 2], [0, 0]))).toBe(false);
  });
});
