import { describe, expect, it } from 'vitest';
import { admits, attentionCase, emptiness, narrow } from '../../../src/arbitraries';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { blankCase } from '../../../src/arbitraries/blank';

describe('constraints', () => {
  it.each<[CaseConstraints, string]>([
    [{ maxBatch: 0 }, 'maxBatch=0: must be at least 1'],
    [{ maxQLen: 1.5 }, 'maxQLen=1.5: must be a whole number'],
    [{ minKvLen: 9, maxKvLen: 8 }, 'minKvLen=9: must be at most maxKvLen=8'],
    [{ bias: 'sometimes' as 'allow' }, 'bias="sometimes": must be one of "never", "allow", "always"'],
    [{ maskRanks: [5 as 4] }, 'maskRanks=5: must be one of "none", 2, 3, 4'],
    [{ maxHead: 2 } as CaseConstraints, 'maxHead=2: no such constraint'],
  ])('%j are refused with a sentence', (constraints, message) => {
    expect(() => attentionCase(constraints)).toThrow(message);
  });

  it.each<[CaseConstraints, string]>([
    [{ dtypes: [] }, 'No choice is left for dtypes.'],
    [{ isCausal: [true], causal: 'none' }, 'there is no causal rule'],
    [{ cache: 'always', crossLength: 'always' }, 'No relation of q_len and kv_len is left'],
    [{ maskRanks: [4], maskForms: ['integer'] }, 'No mask is left'],
    [{ maskRanks: [4], segments: 'always' }, 'No mask is left'],
    [{ bridges: ['rotary'], maxHeadDim: 1 }, 'The rotary bridge turns pairs of features'],
    [{ valueDim: 'always', maxHeadDim: 1 }, 'No case obeys all constraints together'],
  ])('%j leave nothing, and that is said', (constraints, sentence) => {
    expect(emptiness(constraints)).toContain(sentence);
    expect(() => attentionCase(constraints)).toThrow(sentence);
  });

  it('leave something by default', () => {
    expect(emptiness({})).toBeUndefined();
  });
});

describe('narrow', () => {
  it('intersects lists, takes the stronger presence and the tighter sizes, and adds what is wanted', () => {
    const domain: CaseConstraints = {
      dtypes: ['float32', 'float16'],
      bias: 'allow',
      cache: 'never',
      maxBatch: 3,
      causal: 'top_left',
      want: { weights: true },
    };
    expect(
      narrow(domain, {
        dtypes: ['float16', 'float64'],
        bias: 'always',
        cache: 'always',
        maxBatch: 2,
        minKvLen: 4,
        causal: 'bottom_right',
        want: { scores: true },
      }),
    ).toEqual({
      dtypes: ['float16'],
      bias: 'always',
      cache: 'never',
      maxBatch: 2,
      minKvLen: 4,
      causal: 'top_left',
      want: { weights: true, scores: true },
    });
  });
});

describe('admits', () => {
  const c = blankCase({ batch: 2, numHeads: 4, numKvHeads: 2, qLen: 3, kvLen: 5, headDim: 2, vHeadDim: 2 });
  it.each<[CaseConstraints, string | undefined]>([
    [{}, undefined],
    [{ maxBatch: 1 }, 'batch is 2, more than 1.'],
    [{ minKvLen: 6 }, 'kv_len is 5, less than 6.'],
    [{ groupedHeads: 'never' }, 'The case has grouped heads.'],
    [{ valueDim: 'always' }, 'The case lacks v_head_dim other than head_dim.'],
    [{ isCausal: [true] }, 'is_causal is false.'],
    [{ maskRanks: [4] }, 'There is no mask.'],
    [{ dtypes: ['float16'] }, 'The dtype is float32, not float16.'],
    [{ want: { weights: true } }, 'The case does not ask for weights.'],
  ])('under %j', (constraints, sentence) => {
    expect(admits(constraints, c)).toBe(sentence);
  });

  it('refuses what means nothing, whatever the constraints', () => {
    expect(admits({}, { ...c, bridge: 'rotary' })).toBe('The bridge is rotary, without a rotary embedding.');
    const cross = blankCase({ batch: 1, numHeads: 1, numKvHeads: 1, qLen: 3, kvLen: 2, headDim: 1, vHeadDim: 1 });
    expect(admits({}, { ...cross, isCausal: true })).toBe('q_len 3 is more than kv_len 2, with is_causal.');
  });
});
