import { describe, expect, it } from 'vitest';
import { caseLine } from '../../../src/report/case-line';
import { maskCase } from './cases';

describe('caseLine', () => {
  it('names sizes, mask, and whatever is not the default', () => {
    const c = maskCase({ keep: [[1, 0]], headDim: 2 });
    expect(caseLine(c)).toBe(
      'batch 1, num_heads 1, q_len 1, kv_len 2, head_dim 2; boolean mask of rank 4, bool[1,1,1,2]',
    );
    expect(
      caseLine({
        ...c,
        mask: undefined,
        isCausal: true,
        scale: 1,
        softcap: 30,
        slidingWindow: { left: 1 },
        want: { scores: true },
      }),
    ).toBe(
      'batch 1, num_heads 1, q_len 1, kv_len 2, head_dim 2; no mask; is_causal; scale 1; window (left 1, right unbounded); softcap 30; asks for scores',
    );
  });

  it('says what an additive mask drops with', () => {
    const c = maskCase({ keep: [[1, 0, 1]] });
    const tensor = { dtype: 'float32', shape: [1, 1, 1, 3], data: Float64Array.of(0, -Infinity, -10000) } as const;
    expect(caseLine({ ...c, mask: { rank: 4, form: 'additive', tensor } })).toContain(
      'additive mask of rank 4, f32[1,1,1,3], drops with -inf, biases -10000',
    );
  });
});
