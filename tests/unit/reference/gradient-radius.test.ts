import { describe, expect, it } from 'vitest';
import type { AttentionCase, Conventions, EmptyRow, FloatType, Mask } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { expectationOf } from '../../../reference/expectation';
import type { GradientExpectation } from '../../../reference/gradient-radius';
import { gradientsOf } from '../../../reference/gradients';
import type { Gradients } from '../../../reference/gradients';
import { defaultPrecision } from '../../../reference/precision';
import type { Precision } from '../../../reference/precision';
import { boolTensor, floatTensor } from '../../../reference/tensor';
import { askingRandomly, bottomRight, Dice } from './random-case';

const types: FloatType[] = ['float64', 'float32', 'float16', 'bfloat16'];
const inputs = ['query', 'key', 'value'] as const;

function oneQuery(dtype: FloatType, keys: number[], values: number[], mask?: Mask): AttentionCase {
  return {
    bridge: 'base',
    query: floatTensor(dtype, [1, 1, 1, 1], [1]),
    key: floatTensor(dtype, [1, 1, keys.length, 1], keys),
    value: floatTensor(dtype, [1, 1, keys.length, 1], values),
    mask,
    isCausal: false,
    scale: 1,
    want: { gradients: true },
    gradOutput: floatTensor(dtype, [1, 1, 1, 1], [1]),
  };
}
const padding = (...cells: number[]): Mask => ({
  rank: 2,
  form: 'boolean',
  tensor: boolTensor([1, cells.length], cells),
});
const contract = (fullyMaskedRow: EmptyRow): Conventions => ({
  ...bottomRight,
  fullyMaskedRow: { boolean: fullyMaskedRow, finfo: fullyMaskedRow, inf: fullyMaskedRow },
});

function expected(
  c: AttentionCase,
  conventions: Conventions = bottomRight,
  precision: Precision = defaultPrecision(c.query.dtype),
): GradientExpectation {
  return expectationOf(c, conventions, precision).gradients!;
}

/** Whether any number of some gradients lies outside. */
function isOutside(gradients: Gradients, due: GradientExpectation): boolean {
  return inputs.some((of) => gradients[of].some((x, n) => x < due[of].low[n] || x > due[of].high[n]));
}

describe('what is due of a gradient', () => {
  it('has the derivative at its centre, and reaches as far as its radius', () => {
    const dice = new Dice(41);
    for (let n = 0; n < 400; n++) {
      const c = askingRandomly(dice);
      const due = expected(c, contract(dice.pick(['zeros', 'uniform'] as const)));
      const centre = gradientsOf(c, contract('zeros'));
      for (const of of inputs) {
        expect(due[of].centre.length).toBe(centre[of].length);
        const bad = due[of].centre.findIndex((x, at) => {
          const { low, high, radius } = due[of];
          if (radius[at] === Infinity) return false;
          const widest = Math.max(high[at] - x, x - low[at]);
          return low[at] > high[at] || widest > radius[at] * (1 + 2 ** -40) + Math.abs(x) * 2 ** -52;
        });
        if (bad >= 0) expect.fail(`case ${n}, ${of} ${bad}`);
      }
    }
  });

  it('is nothing where none is asked for', () => {
    expect(
      expectationOf({ ...oneQuery('float32', [1], [1]), want: {} }, bottomRight, defaultPrecision('float32')).gradients,
    ).toBeUndefined();
  });

  it('is exactly 0 at a key that no query keeps', () => {
    const { key, value } = expected(oneQuery('float32', [1, 2, 3], [1, 2, 4], padding(1, 0, 1)));
    for (const { low, high, radius } of [key, value]) expect([low[1], high[1], radius[1]]).toEqual([0, 0, 0]);
  });

  it('is a share of the whole for each value of a uniform row, and anything up to a sentinel that lets through for its keys', () => {
    const { query, key, value } = expected(oneQuery('float32', [1, 3], [0, 4], padding(0, 0)), contract('uniform'));
    expect([...value.centre]).toEqual([0.5, 0.5]);
    expect(value.radius[0]).toBeLessThan(32 * finfo.float32.u);
    // p (dP - D) is -1 and 1 where the sentinel is a constant that is added, 0 where it takes the place of the score.
    expect(key.low[0]).toBeLessThanOrEqual(-1);
    expect(key.high[0]).toBeGreaterThanOrEqual(0);
    expect(key.high[1]).toBeLessThan(1.001);
    expect(query.high[0]).toBeGreaterThanOrEqual(2);
  });

  it.each(['nan', 'unspecified'] as const)('is anything in the head of a row that keeps nothing under %s', (due) => {
    const c: AttentionCase = {
      ...oneQuery('float32', [1, 3], [0, 4]),
      query: floatTensor('float32', [1, 1, 2, 1], [1, 2]),
      gradOutput: floatTensor('float32', [1, 1, 2, 1], [1, 2]),
      mask: { rank: 3, form: 'boolean', tensor: boolTensor([1, 2, 2], [1, 1, 0, 0]) },
    };
    const { query, key, value } = expected(c, contract(due));
    expect(query.high[0]).toBeLessThan(Infinity);
    expect([query.high[1], key.high[0], key.high[1], value.high[0]]).toEqual(Array(4).fill(Infinity));
  });

  it('is anything where a number on the way may overflow', () => {
    const c: AttentionCase = {
      ...oneQuery('float32', [0, 1], [1e30, -1e30]),
      gradOutput: floatTensor('float32', [1, 1, 1, 1], [1e20]),
    };
    const { query, key } = expected(c);
    expect([query.high[0], key.low[0]]).toEqual([Infinity, -Infinity]);
  });

  it('says nothing where scores may be off by more than their distance', () => {
    const c: AttentionCase = {
      ...oneQuery('float32', [1e4, 1e4 + 2 ** -10], [2, 4]),
      query: floatTensor('float32', [1, 1, 1, 1], [1e5]),
    };
    const kept: Precision = { ...defaultPrecision('float32'), backward: { weights: 'kept', mean: 'weights' } };
    expect(expected(c, bottomRight, kept).key.blind[0]).toBe(1);
    // Weights that are rebuilt may even overflow.
    expect(expected(c).key.high[0]).toBe(Infinity);
    expect([...expected(oneQuery('float32', [1, 2], [2, 4])).key.blind]).toEqual([0, 0]);
  });
});

describe('a small mistake', () => {
  it.each(types)('is outside on the smallest case in %s', (dtype) => {
    // A padded value that is trained all the same, and the mean of the gradients left in.
    const due = expected(oneQuery(dtype, [0, 0], [0.25, 1], padding(1, 0)));
    expect(due.value.radius[1]).toBe(0);
    const pair = expected(oneQuery(dtype, [0, 0], [0.25, 1]));
    expect(pair.key.radius[0]).toBeLessThan(Math.abs(0.5 * 0.25 - pair.key.centre[0]) / 50);
  });

  /** Sixteen keys of eight features, one of them dropped. */
  function row(dice: Dice, dtype: FloatType): AttentionCase {
    const draw = (...shape: number[]) =>
      floatTensor(
        dtype,
        shape,
        Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () => dice.normal()),
      );
    const cells = Array<number>(16).fill(1);
    cells[dice.whole(0, 15)] = 0;
    return {
      ...oneQuery(dtype, [0], [0], padding(...cells)),
      query: draw(1, 1, 2, 8),
      key: draw(1, 1, 16, 8),
      value: draw(1, 1, 16, 8),
      scale: 1 / Math.sqrt(8),
      gradOutput: draw(1, 1, 2, 8),
    };
  }

  it.each([
    ['the dropped key taken in', (c: AttentionCase) => gradientsOf({ ...c, mask: undefined }, bottomRight), 1],
    ['a scale that is off by 2 %', (c: AttentionCase) => scaled(gradientsOf(c, bottomRight), 1.02), 0.95],
    ['grad_output of the query before', (c: AttentionCase) => gradientsOf(swapped(c), bottomRight), 1],
  ] as const)('%s, is outside in random rows', (_what, wrong, share) => {
    for (const dtype of types) {
      const dice = new Dice(42);
      let found = 0;
      for (let n = 0; n < 100; n++) {
        const c = row(dice, dtype);
        if (isOutside(wrong(c), expected(c))) found++;
      }
      expect(found / 100).toBeGreaterThanOrEqual(share);
    }
  });

  it('of one part in 2^-16 is outside in float32', () => {
    const dice = new Dice(43);
    let found = 0;
    for (let n = 0; n < 100; n++) {
      const c = row(dice, 'float32');
      if (isOutside(scaled(gradientsOf(c, bottomRight), 1 + 2 ** -16), expected(c))) found++;
    }
    expect(found).toBeGreaterThan(90);
  });
});

function scaled({ query, key, value }: Gradients, by: number): Gradients {
  return { query: query.map((x) => x * by), key: key.map((x) => x * by), value };
}

function swapped(c: AttentionCase): AttentionCase {
  const { data } = c.gradOutput!;
  const half = data.length / 2;
  return { ...c, gradOutput: { ...c.gradOutput!, data: Float64Array.of(...data.slice(half), ...data.slice(0, half)) } };
}
