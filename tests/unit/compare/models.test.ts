import { describe, expect, it } from 'vitest';
import type { FloatType } from '../../../reference/case';
import type { ModelCase } from '../../../reference/model-case';
import { allowedError, plainCalls } from '../../../src/compare/models';

const caseIn = (dtype: FloatType): ModelCase => ({
  tokens: { dtype: 'int64', shape: [1, 1], data: Float64Array.of(3) },
  dtype,
  positionIds: { dtype: 'int64', shape: [1, 1], data: Float64Array.of(0) },
  want: {},
});
const answer = (...logits: number[]) => ({
  logits: { dtype: 'float64', shape: [1, 1, logits.length], data: Float64Array.from(logits) } as const,
});

describe('the error that a model is allowed', () => {
  const dtypesOf = (dtype: FloatType, dtypes: readonly FloatType[]) =>
    plainCalls(caseIn(dtype), { dtypes } as never).map((c) => c.dtype);

  it('is measured against the finest dtype that there is', () => {
    expect(dtypesOf('float32', ['float32', 'float64'])).toEqual(['float32', 'float64']);
    expect(dtypesOf('bfloat16', ['bfloat16', 'float32', 'float64'])).toEqual(['bfloat16', 'float64']);
    expect(dtypesOf('float16', ['bfloat16', 'float16', 'float32'])).toEqual(['float16', 'float32']);
    expect(dtypesOf('float16', ['bfloat16', 'float16'])).toEqual(['float16']);
    expect(dtypesOf('float64', ['float64'])).toEqual(['float64']);
  });

  it('is eight times the error of the call without a mask, and of a roundoff at the least', () => {
    expect(allowedError('bfloat16', [answer(1, 2), answer(1, 2 + 2 ** -6)])).toBe(8 * 2 ** -6);
    expect(allowedError('bfloat16', [answer(1, 2), answer(1, 2)])).toBe(8 * 2 * 2 ** -8);
  });

  it.each([
    ['float32', 2 ** -13],
    ['float16', 2 ** -3],
    ['bfloat16', 2 ** -2],
  ] as const)('is in %s never more than %d of the largest logit, and that where nothing measures it', (dtype, most) => {
    expect(allowedError(dtype, [answer(1, 4), answer(3, 4)])).toBe(4 * most);
    expect(allowedError(dtype, [answer(1, 4)])).toBe(4 * most);
  });
});
