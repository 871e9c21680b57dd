import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { attentionFromWire, caseFromWire, caseToWire, toSnakeCase, type WireCase } from '../../../src/protocol/codec';
import { maskCase } from '../report/cases';

describe('the wire form of a case', () => {
  it('survives JSON and comes back as the same case', () => {
    fc.assert(
      fc.property(attentionCase(), (c) => {
        // A field that is undefined and one that is absent are the same to everyone.
        expect(caseFromWire(JSON.parse(JSON.stringify(caseToWire(c))))).toEqual(c);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('keeps what JSON has no number for', () => {
    const c = maskCase({ query: [NaN, Infinity, -Infinity, -0], keep: [[1]], headDim: 4 });
    const wire = caseToWire(c);
    expect(wire.query.data).toEqual(['NaN', 'Infinity', '-Infinity', '-0']);
    const back = attentionFromWire(wire);
    expect(Object.is(back.query.data[3], -0)).toBe(true);
    expect([...back.query.data]).toEqual([NaN, Infinity, -Infinity, -0]);
  });

  it('spells names in snake_case', () => {
    const wire = caseToWire({
      ...maskCase({ keep: [[1, 0]] }),
      isCausal: true,
      slidingWindow: { left: 2 },
      maskLayout: 'strided',
      want: { weights: true },
    });
    expect(wire).toMatchObject({
      is_causal: true,
      left_window_size: 2,
      right_window_size: -1,
      mask_layout: 'strided',
      want: { weights: true },
      mask: { rank: 4, form: 'boolean', tensor: { dtype: 'bool', shape: [1, 1, 1, 2], data: [1, 0] } },
    });
  });

  it('fills in the default scale', () => {
    const wire = { ...caseToWire(maskCase({ keep: [[1]], headDim: 4 })), scale: undefined };
    expect(attentionFromWire(wire).scale).toBe(0.5);
  });

  const good = caseToWire(maskCase({ keep: [[1, 0]] }));
  it.each<[string, unknown, string]>([
    ['no object', 3, 'case is 3; it is an object.'],
    ['a missing tensor', { ...good, value: undefined }, 'case.value is missing.'],
    ['an unknown field', { ...good, isCausal: true }, 'case.isCausal is no field of a case; those are bridge, query,'],
    [
      'a wrong dtype',
      { ...good, query: { ...good.query, dtype: 'f32' } },
      'case.query.dtype is "f32"; it is one of "float64", "float32", "float16", "bfloat16".',
    ],
    ['a wrong rank', { ...good, query: { ...good.query, shape: [1] } }, 'case.query.shape is [1]; it has 4 axes.'],
    [
      'too few numbers',
      { ...good, query: { ...good.query, data: [] } },
      'case.query.data has 0 numbers; shape [1,1,1,1] holds 1.',
    ],
    [
      'no number',
      { ...good, query: { ...good.query, data: ['one'] } },
      'case.query.data[0] is "one"; it is a number, or "NaN", "Infinity", "-Infinity" or "-0".',
    ],
    [
      'a bit that is none',
      withMask(good, { dtype: 'bool', shape: [1, 1, 1, 2], data: [1, 2] }),
      'case.mask.tensor.data[1] is 2; it is 0 or 1.',
    ],
    [
      'a window that is none',
      { ...good, left_window_size: -2 },
      'case.left_window_size is -2; it counts neighbours, 0 or more, or is -1 for unbounded.',
    ],
    ['a missing flag', { ...good, is_causal: undefined }, 'case.is_causal is missing; it is true or false.'],
  ])('refuses %s by name', (_, wire, sentence) => {
    expect(() => caseFromWire(wire)).toThrow(sentence);
  });
});

describe('toSnakeCase', () => {
  it('renames keys all the way down and leaves values alone', () => {
    expect(
      toSnakeCase({ maskRanks: [2], poison: { keys: ['boolean'] }, finfoFill: -Infinity, absent: undefined }),
    ).toEqual({
      mask_ranks: [2],
      poison: { keys: ['boolean'] },
      finfo_fill: '-Infinity',
    });
  });
});

function withMask(wire: WireCase, tensor: unknown): unknown {
  return { ...wire, mask: { ...wire.mask, tensor } };
}
