import { describe, expect, it } from 'vitest';
import type { AttentionCase, Conventions } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { attend } from '../../../reference/oracle';
import { boolTensor, floatTensor, intTensor } from '../../../reference/tensor';
import { bottomRight } from './random-case';

/** One query of one feature, so that the scores are the keys; head_dim 1, scale 1. */
function oneQuery(keys: number[], values: number[], rules: Partial<AttentionCase> = {}): AttentionCase {
  return {
    bridge: 'base',
    query: floatTensor('float32', [1, 1, 1, 1], [1]),
    key: floatTensor('float32', [1, 1, keys.length, 1], keys),
    value: floatTensor('float32', [1, 1, keys.length, 1], values),
    isCausal: false,
    scale: 1,
    want: {},
    ...rules,
  };
}

const ln3 = Math.fround(Math.log(3));

describe('attention', () => {
  it('weighs the values by the softmax of the scores', () => {
    // e^0 : e^ln 3 = 1 : 3
    const { output, weights, scores } = attend(oneQuery([0, ln3], [0, 8]), bottomRight);
    expect(weights[0]).toBeCloseTo(0.25, 7);
    expect(weights[1]).toBeCloseTo(0.75, 7);
    expect(output[0]).toBeCloseTo(6, 6);
    expect([...scores]).toEqual([0, ln3]);
  });

  it('multiplies the scores by the scale', () => {
    const { scores } = attend(oneQuery([1, 2], [0, 0], { scale: 0.5 }), bottomRight);
    expect([...scores]).toEqual([0.5, 1]);
  });

  it('caps the scores before the bias', () => {
    const tensor = floatTensor('float32', [1, 1, 1, 2], [0, 3]);
    const { scores } = attend(
      oneQuery([4, 4], [0, 0], { softcap: 2, mask: { rank: 4, form: 'additive', tensor } }),
      bottomRight,
    );
    expect([...scores]).toEqual([2 * Math.tanh(2), 2 * Math.tanh(2) + 3]);
  });

  it('adds a large bias to the score like any other', () => {
    const tensor = floatTensor('float32', [1, 2], [-1e9, -1e9]);
    const { weights } = attend(oneQuery([0, 0], [0, 0], { mask: { rank: 2, form: 'additive', tensor } }), bottomRight);
    expect([...weights]).toEqual([0.5, 0.5]);
  });

  it('leaves dropped keys out, whatever they hold', () => {
    const c = oneQuery([0, 1, 0], [2, 4, 4], {
      mask: { rank: 2, form: 'boolean', tensor: boolTensor([1, 3], [1, 0, 1]) },
    });
    c.key.data[1] = NaN;
    c.value.data[1] = Infinity;
    const { output, weights, keep } = attend(c, bottomRight);
    expect([...output]).toEqual([3]);
    expect([...weights]).toEqual([0.5, 0, 0.5]);
    expect([...keep]).toEqual([1, 0, 1]);
  });

  it('gives each group of query heads the next key head', () => {
    const c: AttentionCase = {
      ...oneQuery([0], [0]),
      query: floatTensor('float32', [1, 4, 1, 1], [0, 0, 0, 0]),
      key: floatTensor('float32', [1, 2, 1, 1], [0, 0]),
      value: floatTensor('float32', [1, 2, 1, 1], [5, 7]),
    };
    expect([...attend(c, bottomRight).output]).toEqual([5, 5, 7, 7]);
  });

  it.each([
    [undefined, NaN],
    ['-inf', -Infinity],
    ['finfo_min', finfo.float32.lowest],
  ] as const)('shows the sentinel %s in dropped scores', (scoreSentinel, shown) => {
    const mask = { rank: 2, form: 'boolean', tensor: boolTensor([1, 2], [0, 1]) } as const;
    expect(attend(oneQuery([1, 2], [0, 0], { mask }), { ...bottomRight, scoreSentinel }).scores[0]).toBe(shown);
  });

  it.each([
    ['zeros', 0, 0],
    ['uniform', 0.5, 3],
    ['nan', NaN, NaN],
    ['unspecified', NaN, NaN],
  ] as const)('answers %s for a query that keeps no key', (contract, weight, answer) => {
    const conventions: Conventions = {
      ...bottomRight,
      fullyMaskedRow: { boolean: contract, finfo: contract, inf: contract },
    };
    const mask = { rank: 2, form: 'boolean', tensor: boolTensor([1, 2], [0, 0]) } as const;
    const { output, weights } = attend(oneQuery([1, 2], [2, 4], { mask }), conventions);
    expect([...weights]).toEqual([weight, weight]);
    expect([...output]).toEqual([answer]);
  });

  it('spreads a uniform answer over all keys, future ones included, and over none that was trimmed', () => {
    const c: AttentionCase = {
      ...oneQuery([0, 0, 0], [3, 6, 9], { isCausal: true }),
      query: floatTensor('float32', [1, 1, 3, 1], [1, 1, 1]),
      mask: { rank: 2, form: 'additive', tensor: floatTensor('float32', [1, 5], Array(5).fill(finfo.float32.lowest)) },
    };
    expect([...attend(c, bottomRight).output]).toEqual([6, 6, 6]);
  });
});

describe('the rotary bridge', () => {
  const turnedCase = (layout: 'half' | 'interleaved', positions: number[], rotaryDim = 4): AttentionCase => ({
    ...oneQuery([0], [0]),
    bridge: 'rotary',
    query: floatTensor('float64', [1, 1, 1, 4], [1, 2, 3, 4]),
    key: floatTensor('float64', [1, 1, 2, 4], [1, -1, 2, 0.5, 0.25, 3, -2, 1]),
    value: floatTensor('float64', [1, 1, 2, 1], [0, 0]),
    rotary: { rotaryDim, base: 100, layout, positionIds: intTensor([1, 2], positions) },
  });

  it.each([
    ['half', [0, 2, 1, 3]],
    ['interleaved', [0, 1, 2, 3]],
  ] as const)('turns the pairs of the %s layout', (layout, order) => {
    // Query at position 5, first key at 2: only the distance 3 is felt; frequencies 1 and 1 / 10.
    const c = turnedCase(layout, [2, 5]);
    const q = order.map((d) => c.query.data[d]);
    const k = order.map((d) => c.key.data[d]);
    const pair = (n: number, angle: number) => {
      const [x, y, s, t] = [q[2 * n], q[2 * n + 1], k[2 * n], k[2 * n + 1]];
      return (x * s + y * t) * Math.cos(angle) + (x * t - y * s) * Math.sin(angle);
    };
    expect(attend(c, bottomRight).scores[0]).toBeCloseTo(pair(0, 3) + pair(1, 0.3), 12);
  });

  it('leaves features beyond rotaryDim as they are', () => {
    const c = turnedCase('half', [2, 5], 2);
    const [x, y, s, t] = [1, 2, 1, -1];
    const due = (x * s + y * t) * Math.cos(3) + (x * t - y * s) * Math.sin(3) + 3 * 2 + 4 * 0.5;
    expect(attend(c, bottomRight).scores[0]).toBeCloseTo(due, 12);
  });

  it('is the base bridge where all positions are equal', () => {
    const { scores } = attend(turnedCase('interleaved', [9, 9]), bottomRight);
    const base = attend({ ...turnedCase('interleaved', [9, 9]), bridge: 'base', rotary: undefined }, bottomRight);
    scores.forEach((score, j) => expect(score).toBeCloseTo(base.scores[j], 12));
  });
});
