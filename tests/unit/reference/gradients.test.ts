import { describe, expect, it } from 'vitest';
import { sizesOf } from '../../../reference/case';
import type { AttentionCase, Conventions, EmptyRow, Mask } from '../../../reference/case';
import { gradientsOf } from '../../../reference/gradients';
import { attend } from '../../../reference/oracle';
import { boolTensor, floatTensor } from '../../../reference/tensor';
import { askingRandomly, bottomRight, Dice } from './random-case';

/** One query of one feature, so that the scores are the keys; head_dim 1, scale 1. */
function oneQuery(keys: number[], values: number[], rules: Partial<AttentionCase> = {}): AttentionCase {
  return {
    bridge: 'base',
    query: floatTensor('float64', [1, 1, 1, 1], [1]),
    key: floatTensor('float64', [1, 1, keys.length, 1], keys),
    value: floatTensor('float64', [1, 1, keys.length, 1], values),
    isCausal: false,
    scale: 1,
    want: { gradients: true },
    gradOutput: floatTensor('float64', [1, 1, 1, 1], [1]),
    ...rules,
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

describe('the gradient of attention', () => {
  it('is that of a softmax of two', () => {
    // Equal weights 1/2 and values 0 and 4: d output / d key = p (v - output) = 1/2 (v - 2).
    const { query, key, value } = gradientsOf(oneQuery([3, 3], [0, 4]), bottomRight);
    expect([...key]).toEqual([-1, 1]);
    expect([...value]).toEqual([0.5, 0.5]);
    // The two keys are equal, so the query moves nothing.
    expect([...query]).toEqual([0]);
  });

  it('is exactly 0 at keys and values that no query keeps', () => {
    const { key, value } = gradientsOf(oneQuery([3, 1, 3], [0, 9, 4], { mask: padding(1, 0, 1) }), bottomRight);
    expect([...key]).toEqual([-1, 0, 1]);
    expect([...value]).toEqual([0.5, 0, 0.5]);
  });

  it('adds up over the query heads that share a key', () => {
    const c: AttentionCase = {
      ...oneQuery([3, 3], [0, 4]),
      query: floatTensor('float64', [1, 2, 1, 1], [1, 1]),
      gradOutput: floatTensor('float64', [1, 2, 1, 1], [1, 2]),
    };
    const { key, value } = gradientsOf(c, bottomRight);
    expect([...key]).toEqual([-3, 3]);
    expect([...value]).toEqual([1.5, 1.5]);
  });

  it.each([
    ['zeros', 0, [0, 0], [0, 0]],
    ['uniform', 0, [0, 0], [0.5, 0.5]],
    ['nan', NaN, [NaN, NaN], [NaN, NaN]],
    ['unspecified', NaN, [NaN, NaN], [NaN, NaN]],
  ] as const)('of a query that keeps no key is that of %s', (due, query, key, value) => {
    const gradients = gradientsOf(oneQuery([3, 1], [0, 4], { mask: padding(0, 0) }), contract(due));
    expect([...gradients.query]).toEqual([query]);
    expect([...gradients.key]).toEqual(key);
    expect([...gradients.value]).toEqual(value);
  });

  it('needs the gradient of the output', () => {
    expect(() => gradientsOf({ ...oneQuery([1], [1]), gradOutput: undefined }, bottomRight)).toThrow('no gradOutput');
  });
});

/** The loss whose gradient is asked for, in a case with one number moved. */
function lossOf(c: AttentionCase, conventions: Conventions, name: 'query' | 'key' | 'value', n: number, by: number) {
  const data = c[name].data.slice();
  data[n] += by;
  const { output } = attend({ ...c, [name]: { ...c[name], data } }, conventions);
  return output.reduce((sum, x, at) => sum + x * c.gradOutput!.data[at], 0);
}

/** Central differences at two distances, extrapolated: off by the fourth power of the distance. */
function difference(c: AttentionCase, conventions: Conventions, name: 'query' | 'key' | 'value', n: number): number {
  const at = (h: number) => (lossOf(c, conventions, name, n, h) - lossOf(c, conventions, name, n, -h)) / (2 * h);
  return (4 * at(2 ** -11) - at(2 ** -10)) / 3;
}

describe('finite differences', () => {
  it.each(['base', 'rotary'] as const)('agree with it on random cases of the %s bridge', (bridge) => {
    const dice = new Dice(31);
    let compared = 0;
    for (let n = 0; n < 250; n++) {
      const c = askingRandomly(dice, { dtype: 'float64', rotary: bridge === 'rotary' });
      const conventions: Conventions = {
        ...contract(dice.pick(['zeros', 'uniform'] as const)),
        causal: dice.pick(['bottom_right', 'top_left'] as const),
      };
      const gradients = gradientsOf(c, conventions);
      for (const name of ['query', 'key', 'value'] as const) {
        const at = dice.whole(0, c[name].data.length - 1);
        const due = difference(c, conventions, name, at);
        const off = Math.abs(gradients[name][at] - due);
        if (!(off < 1e-8 * Math.max(1, Math.abs(due)))) {
          expect.fail(`case ${n}, ${name} ${at}: ${gradients[name][at]} where the differences say ${due}`);
        }
        if (due !== 0) compared++;
      }
    }
    expect(compared).toBeGreaterThan(350);
  });

  it('see every feature of a case at work', () => {
    const dice = new Dice(32);
    const seen = new Set<string>();
    for (let n = 0; n < 250; n++) {
      const c = askingRandomly(dice, { dtype: 'float64' });
      const { numHeads, numKvHeads } = sizesOf(c);
      if (numHeads > numKvHeads) seen.add('grouped heads');
      if (c.softcap !== undefined) seen.add('softcap');
      if (c.slidingWindow) seen.add('window');
      if (c.segments) seen.add('segments');
      if (c.rotary) seen.add('rotary');
      if (c.mask) seen.add(`${c.mask.form} ${c.mask.rank}`);
    }
    expect(seen.size).toBe(12);
  });
});
