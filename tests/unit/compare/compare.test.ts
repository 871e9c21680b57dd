import { describe, expect, it } from 'vitest';
import type { AttentionCase } from '../../../reference/case';
import { expectationOf, RowState, type Expectation } from '../../../reference/expectation';
import { boolTensor, floatTensor } from '../../../reference/tensor';
import { agrees, alike, identical, within } from '../../../src/compare/compare';
import type { Answer } from '../../../src/property';
import { precisionOf } from '../../../src/supports';
import { laboratory, type LaboratoryOptions } from '../../support/context';

/** Two batch rows of two queries and two keys; the second row of the second batch keeps nothing. */
const c: AttentionCase = {
  bridge: 'base',
  query: floatTensor('float32', [2, 1, 2, 1], [1, 2, 3, 4]),
  key: floatTensor('float32', [2, 1, 2, 1], [1, -1, 0.5, 2]),
  value: floatTensor('float32', [2, 1, 2, 1], [1, 2, 3, 5]),
  mask: { rank: 3, form: 'boolean', tensor: boolTensor([2, 2, 2], [1, 0, 1, 1, 1, 1, 0, 0]) },
  isCausal: false,
  scale: 1,
  want: {},
};
const answer = (...numbers: number[]): Answer => ({
  output: floatTensor('float64', [2, 1, 2, 1], numbers),
  changed: [],
});

/** Every row is 1, 2, 3, 4 give or take a quarter; the last keeps nothing. */
const quarter = (x: AttentionCase, supports: Parameters<NonNullable<LaboratoryOptions['expect']>>[1]): Expectation => {
  const real = expectationOf(x, supports, precisionOf(supports, 'float32'));
  const centre = Float64Array.of(1, 2, 3, 0);
  const output = {
    centre,
    low: centre.map((n) => n - 0.25),
    high: centre.map((n) => n + 0.25),
    radius: new Float64Array(4).fill(0.25),
  };
  return { ...real, output };
};

describe('within', () => {
  it('lets two answers be apart by the sum of their radii, and no more', () => {
    const context = laboratory({ expect: quarter });
    expect(within(context, [c, answer(1, 2, 3, 0)], [c, answer(1.5, 1.5, 3, 0)])).toBeUndefined();
    const found = within(context, [c, answer(1, 2, 3, 0)], [c, answer(1.5, 1.25, 3, 0)], { with: 'the twin' });
    expect(found?.rows).toEqual([{ b: 0, h: 0, i: 1 }]);
    expect(found?.summary).toBe(
      '1 of 4 rows of the output differs from the twin; it, at b=0 h=0 i=1, is off by 0.75 where 0.5 is allowed.',
    );
    // Of the two, the one that is farther from the definition, beside the definition's own number.
    expect(found?.numbers).toEqual({
      of: 'twin output',
      at: { b: 0, h: 0, i: 1 },
      actual: [1.25],
      expected: [2],
      allowed: [0.25],
    });
  });

  it('puts the worst row first', () => {
    const found = within(laboratory({ expect: quarter }), [c, answer(1, 2, 3, 0)], [c, answer(2, 5, NaN, 0)]);
    expect(found?.rows.map(({ b, i }) => [b, i])).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
  });

  it.each([NaN, Infinity, -Infinity])('takes %d on both sides for a violation, where a number is due', (number) => {
    const context = laboratory({ expect: quarter });
    expect(within(context, [c, answer(1, number, 3, 0)], [c, answer(1, number, 3, 0)])).toBeDefined();
  });

  it('asks for nothing where the numbers are equal', () => {
    const context = laboratory({
      expect: () => {
        throw new Error('asked');
      },
    });
    expect(within(context, [c, answer(1, 2, 3, 0)], [c, answer(1, 2, 3, -0)])).toBeUndefined();
    expect(context.counts.compared).toBe(4);
  });

  it('leaves rows without a key, and rows out of range, to others', () => {
    const context = laboratory({
      expect: (x, supports) => ({
        ...quarter(x, supports),
        rows: Uint8Array.of(RowState.outOfRange, RowState.ok, RowState.ok, RowState.empty),
      }),
    });
    expect(within(context, [c, answer(1, 2, 3, 0)], [c, answer(NaN, 2, 3, 9)])).toBeUndefined();
    expect(context.counts).toMatchObject({ compared: 2, out_of_range: 1, empty: 1 });
  });

  it('compares the rows that answer to each other', () => {
    const context = laboratory({ expect: quarter });
    const map = ({ b, h, i }: { b: number; h: number; i: number }) => (b === 0 ? { b, h, i: 1 - i } : undefined);
    expect(within(context, [c, answer(1, 2, 3, 0)], [c, answer(2, 1, 9, 9)], { map })).toBeUndefined();
    expect(context.counts.compared).toBe(2);
  });
});

describe('identical', () => {
  it('takes one bit for a violation, and allows none', () => {
    const found = identical(laboratory(), [c, answer(1, 2, 3, 0)], [c, answer(1, 2 + 2 ** -51, 3, 0)]);
    expect(found?.rows).toEqual([{ b: 0, h: 0, i: 1 }]);
    expect(found?.numbers).not.toHaveProperty('allowed');
  });

  it('takes both signs of zero for one, and NaN for equal to NaN alone', () => {
    expect(identical(laboratory(), [c, answer(0, NaN, 3, 0)], [c, answer(-0, NaN, 3, 0)])).toBeUndefined();
    expect(identical(laboratory(), [c, answer(0, 2, 3, 0)], [c, answer(0, NaN, 3, 0)])?.summary).toMatch(
      /is NaN where 2 is due/,
    );
  });

  it('looks only at the rows in question', () => {
    const rows = Uint8Array.of(1, 0, 1, 0);
    expect(identical(laboratory(), [c, answer(1, 2, 3, 0)], [c, answer(1, 7, 3, 0)], { rows })).toBeUndefined();
  });

  it('falls back to the radius where bits are not declared, and says so', () => {
    const context = laboratory({ supports: { bitwise: 'never' }, expect: quarter });
    expect(identical(context, [c, answer(1, 2, 3, 0)], [c, answer(1, 2.5, 3, 0)])).toBeUndefined();
    expect(context.counts.not_bitwise).toBe(4);
    expect(identical(context, [c, answer(1, 2, 3, 0)], [c, answer(1, 2.75, 3, 0)])).toBeDefined();
  });
});

describe('alike', () => {
  it('is bitwise where every shape agrees bit for bit, and by the radius otherwise', () => {
    const sides = [
      [c, answer(1, 2, 3, 0)],
      [c, answer(1, 2.25, 3, 0)],
    ] as const;
    expect(alike(laboratory({ supports: { bitwise: 'always' }, expect: quarter }), ...sides)).toBeDefined();
    expect(alike(laboratory({ supports: { bitwise: 'same_shape' }, expect: quarter }), ...sides)).toBeUndefined();
  });
});

describe('agrees', () => {
  it('holds every number to its interval, contracts of rows without a key included', () => {
    const context = laboratory({ expect: quarter });
    const expectation = context.expect(c);
    expect(agrees(context, c, answer(1.25, 2, 3, 0), expectation)).toBeUndefined();
    expect(agrees(context, c, answer(1.3, 2, 3, 0), expectation)?.rows).toEqual([{ b: 0, h: 0, i: 0 }]);
    expect(agrees(context, c, answer(1, 2, 3, 1), expectation)?.rows).toEqual([{ b: 1, h: 0, i: 1 }]);
    expect(agrees(context, c, answer(1, 2, 3, 1), expectation, { states: 'kept' })).toBeUndefined();
    expect(agrees(context, c, answer(9, 9, 9, 0), expectation, { states: 'empty' })).toBeUndefined();
  });

  it('asks for NaN exactly where NaN is due', () => {
    const context = laboratory({ supports: { fullyMaskedRow: 'nan' } });
    const expectation = context.expect(c);
    const due = Array.from(expectation.output.centre, Math.fround);
    expect(agrees(context, c, answer(...due), expectation)).toBeUndefined();
    expect(agrees(context, c, answer(...due.slice(0, 3), 0), expectation)?.summary).toMatch(/is 0 where NaN is due/);
    expect(agrees(context, c, answer(NaN, ...due.slice(1)), expectation)?.summary).toMatch(/is NaN where 1 is due/);
  });
});
