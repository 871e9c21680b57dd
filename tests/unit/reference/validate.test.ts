import { describe, expect, it } from 'vitest';
import type { AttentionCase, Mask } from '../../../reference/case';
import { boolTensor, floatTensor, intTensor, zeros } from '../../../reference/tensor';
import { problemOf } from '../../../reference/validate';
import { Dice, bottomRight, randomCase } from './random-case';

const good: AttentionCase = {
  bridge: 'base',
  query: zeros('float16', [2, 2, 2, 4]),
  key: zeros('float16', [2, 1, 3, 4]),
  value: zeros('float16', [2, 1, 3, 5]),
  isCausal: true,
  scale: 0.5,
  want: {},
};
const mask = (rank: 2 | 3 | 4, shape: number[]): Mask => ({
  rank,
  form: 'boolean',
  tensor: boolTensor(shape, new Uint8Array(shape.reduce((product, length) => product * length, 1))),
});
const fourD = mask(4, [1, 1, 1, 3]);
const rotary = {
  rotaryDim: 4,
  base: 10000,
  layout: 'half',
  positionIds: intTensor([2, 3], [0, 1, 2, 0, 1, 2]),
} as const;
const tall = { ...good, isCausal: false, key: zeros('float16', [2, 1, 1, 4]), value: zeros('float16', [2, 1, 1, 4]) };

describe('a case from elsewhere', () => {
  it('is accepted when it is whole', () => {
    expect(problemOf(good)).toBeUndefined();
    expect(problemOf({ ...good, mask: fourD })).toBeUndefined();
    expect(problemOf({ ...good, bridge: 'rotary', rotary })).toBeUndefined();
    const dice = new Dice(3);
    for (let n = 0; n < 500; n++) expect(problemOf(randomCase(dice), bottomRight)).toBeUndefined();
  });

  it('may hold NaN and infinities where they may be dropped', () => {
    expect(
      problemOf({ ...good, value: floatTensor('float16', [2, 1, 3, 1], [NaN, Infinity, 0, 0, 0, 0]) }),
    ).toBeUndefined();
  });

  it.each<[Partial<AttentionCase>, string]>([
    [{ query: zeros('float16', [2, 4]) }, 'query has 2 axes, not 4: [2, 4].'],
    [{ key: { ...good.key, data: new Float64Array(3) } }, 'key has the shape [2, 1, 3, 4] and 3 numbers, not 24.'],
    [
      { query: { ...good.query, shape: [0, 2, 2, 4] } },
      'query has the shape [0, 2, 2, 4]: every length must be a whole number from 1 on.',
    ],
    [
      { query: zeros('float16', [2, 3, 2, 4]), key: zeros('float16', [2, 2, 3, 4]) },
      'num_heads=3 is not a multiple of num_kv_heads=2.',
    ],
    [{ key: zeros('float16', [2, 1, 3, 2]) }, 'key has the shape [2, 1, 3, 2], not [2, 1, 3, 4].'],
    [{ value: zeros('float16', [2, 1, 4, 5]) }, 'value has the shape [2, 1, 4, 5], not [2, 1, 3, 5].'],
    [{ value: zeros('float32', [2, 1, 3, 5]) }, 'value is float32 and query is float16.'],
    [
      { query: { ...good.query, data: new Float64Array(32).fill(0.1) } },
      'query holds 0.1 at 0, which float16 cannot represent.',
    ],
    [{ scale: NaN }, 'scale=NaN is not a finite number.'],
    [{ softcap: 0 }, 'softcap=0 is not a positive number.'],
    [{ mask: mask(2, [1, 3]) }, 'A mask of shape [1, 3] does not fit batch=2.'],
    [{ mask: mask(2, [2, 2]) }, 'A mask of shape [2, 2] is shorter than the keys: kv_len=3.'],
    [{ mask: mask(3, [2, 1, 3]) }, 'A mask of shape [2, 1, 3] has fewer rows than queries: q_len=2.'],
    [{ mask: mask(4, [1, 3, 2, 3]) }, 'A mask of shape [1, 3, 2, 3] does not fit num_heads=2.'],
    [{ mask: { ...fourD, rank: 3 } as Mask }, 'A mask of shape [1, 1, 1, 3] has 4 axes, not the 3 of its rank.'],
    [
      { mask: { rank: 2, form: 'integer', tensor: intTensor([2, 3], [1, 1, 1, 2, 1, 1]) } },
      'mask holds 2 at 3, which is neither 0 nor 1.',
    ],
    [
      { mask: { rank: 2, form: 'additive', tensor: floatTensor('float16', [2, 3], [0, NaN, 0, 0, 0, 0]) } },
      'mask holds NaN at 1, which neither keeps nor drops.',
    ],
    [{ mask: { ...fourD, form: 'additive' } as unknown as Mask }, 'A mask of the additive form cannot be bool.'],
    [
      { mask: fourD, slidingWindow: { left: 1 } },
      'slidingWindow is given beside a mask of rank 4, which is authoritative.',
    ],
    [{ slidingWindow: { left: -1 } }, 'slidingWindow.left=-1 is not a whole number from 0 on.'],
    [{ segments: intTensor([2, 2], [0, 0, 0, 0]) }, 'segments has the shape [2, 2], not [2, 3].'],
    [{ ...tall, isCausal: true }, 'isCausal is set with q_len=2 > kv_len=1.'],
    [{ ...tall, slidingWindow: { left: 1 } }, 'slidingWindow is given with q_len=2 > kv_len=1.'],
    [{ ...tall, bridge: 'rotary', rotary }, 'rotary is given with q_len=2 > kv_len=1.'],
    [{ bridge: 'rotary' }, 'The bridge is rotary, and rotary is not given.'],
    [{ rotary }, 'rotary is given, and the bridge is base.'],
    [
      { bridge: 'rotary', rotary: { ...rotary, rotaryDim: 6 } },
      'rotaryDim=6 is not an even number from 2 to head_dim=4.',
    ],
    [
      { bridge: 'rotary', rotary: { ...rotary, positionIds: intTensor([1, 3], [0, 1, 2]) } },
      'positionIds has the shape [1, 3], not [2, 3].',
    ],
    [{ gradOutput: zeros('float16', [2, 2, 2, 4]) }, 'gradOutput has the shape [2, 2, 2, 4], not [2, 2, 2, 5].'],
  ])('is told what is wrong with it: %#', (change, sentence) => {
    expect(problemOf({ ...good, ...change })).toBe(sentence);
  });

  it('is judged by the conventions where its mask is over-long', () => {
    const c = { ...good, mask: mask(3, [2, 4, 5]) };
    expect(problemOf(c)).toBeUndefined();
    expect(problemOf(c, bottomRight)).toBeUndefined();
    expect(problemOf(c, { ...bottomRight, overlongKeys: 'refused' })).toBe(
      'A mask of shape [2, 4, 5] has more columns than keys, which is declared refused: kv_len=3.',
    );
    expect(problemOf(c, { ...bottomRight, overlongRows: 'error' })).toBe(
      'A mask of shape [2, 4, 5] has more rows than queries, which is declared an error: q_len=2.',
    );
    const short = { ...good, key: zeros('float16', [2, 1, 5, 4]), value: zeros('float16', [2, 1, 5, 4]) };
    expect(problemOf({ ...short, mask: c.mask }, { ...bottomRight, overlongRows: 'position' })).toBe(
      'A mask of shape [2, 4, 5] has no row for every position: q_len=2, kv_len=5.',
    );
  });
});
