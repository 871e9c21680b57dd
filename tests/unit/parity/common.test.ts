import { describe, expect, it } from 'vitest';
import type { ModelSupports, Supports } from '../../../src/backend';
import { commonSupports } from '../../../src/parity/common';
import { resolveSupports } from '../../../src/supports';

const named = (name: string, supports: Partial<Supports>) => ({ name, supports: resolveSupports(supports) });

const model: ModelSupports = {
  vocab: 16,
  maxLength: 32,
  dtypes: ['float32', 'float64'],
  masks: ['boolean', 'integer'],
  explicitMasks: [],
  positionIds: true,
  positions: 'distance',
  slidingWindow: false,
  cache: true,
  gradients: true,
  bitwise: true,
};

describe('what backends have in common', () => {
  it('is what each of them takes', () => {
    const common = commonSupports([
      named('a', { dtypes: ['float32', 'float64'], maskRanks: [2, 4], causal: 'bottom_right', cache: true }),
      named('b', {
        dtypes: ['float64', 'float16'],
        maskRanks: [4],
        causal: 'bottom_right',
        cache: true,
        softcap: true,
      }),
    ]);
    expect(common).toMatchObject({
      dtypes: ['float64'],
      maskRanks: [4],
      causal: 'bottom_right',
      cache: true,
      softcap: false,
    });
  });

  it('has no cache where the diagonals differ', () => {
    const common = commonSupports([
      named('a', { causal: 'bottom_right', cache: true, bidirectional: true }),
      named('b', { causal: 'top_left', cache: true, bidirectional: true }),
    ]);
    expect(common).toMatchObject({ cache: false, crossLength: false });
  });

  it('may be nothing, and then a sentence says why', () => {
    expect(commonSupports([named('a', { dtypes: ['float64'] }), named('b', { dtypes: ['float16'] })])).toBe(
      'They have none of dtypes in common.',
    );
    expect(commonSupports([named('a', { causal: 'bottom_right' }), named('b', {})])).toBe(
      'Some take only is_causal, and some never do.',
    );
    expect(commonSupports([named('a', {}), named('b', { model })])).toBe(
      'b is a whole model and a answers single attention calls.',
    );
    expect(commonSupports([named('a', { model }), named('b', { model: { ...model, vocab: 17 } })])).toBe(
      'Their vocabularies are of 16 and 17 tokens: these are different models.',
    );
  });

  it('is the least of what models take', () => {
    const common = commonSupports([
      named('a', { model }),
      named('b', { model: { ...model, masks: ['integer'], maxLength: 8, positions: 'mask', cache: false } }),
    ]);
    expect(common).toMatchObject({
      model: { masks: ['integer'], maxLength: 8, positions: 'index', cache: false, gradients: false },
    });
  });
});
