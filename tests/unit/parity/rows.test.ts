import { describe, expect, it } from 'vitest';
import { expectationOf } from '../../../reference/expectation';
import { attend } from '../../../reference/oracle';
import type { AttentionCase } from '../../../reference/case';
import { boolTensor, floatTensor } from '../../../reference/tensor';
import type { Supports } from '../../../src/backend';
import { rowDistances, type Side } from '../../../src/parity/rows';
import { precisionOf, resolveSupports } from '../../../src/supports';

/** One query that keeps both keys, and one that keeps none. */
const c: AttentionCase = {
  bridge: 'base',
  query: floatTensor('float32', [1, 1, 2, 1], [1, 1]),
  key: floatTensor('float32', [1, 1, 2, 1], [0, 1]),
  value: floatTensor('float32', [1, 1, 2, 1], [0, 1]),
  mask: { rank: 4, form: 'boolean', tensor: boolTensor([1, 1, 2, 2], [1, 1, 0, 0]) },
  isCausal: false,
  scale: 1,
  want: {},
};

function side(supports: Partial<Supports>, add = 0): Side {
  const resolved = resolveSupports({ maskRanks: [4], ...supports });
  const { output } = attend(c, resolved);
  const data = output.map((x, n) => (n === 0 ? x + add : x));
  return {
    supports: resolved,
    expected: expectationOf(c, resolved, precisionOf(resolved, 'float32')),
    answer: { output: { dtype: 'float32', shape: [1, 1, 2, 1], data }, changed: [] },
  };
}

describe('the distance of two answers', () => {
  const zeros = { fullyMaskedRow: 'zeros' } as const;

  it('is counted in the sum of the two radii', () => {
    const [first, second] = [side(zeros), side(zeros)];
    const radii = first.expected.output.radius[0] + second.expected.output.radius[0];
    expect(rowDistances(c, first, side(zeros, radii / 2))[0].distance).toBeCloseTo(0.5, 6);
    expect(rowDistances(c, first, side(zeros, 3 * radii))[0].distance).toBeCloseTo(3, 6);
    expect(rowDistances(c, first, side(zeros, NaN))[0].distance).toBe(Infinity);
  });

  it('compares rows that keep nothing where both declare the same of them', () => {
    expect(rowDistances(c, side(zeros), side(zeros))[1]).toMatchObject({ state: 'compared', distance: 0 });
    expect(rowDistances(c, side(zeros), side({ fullyMaskedRow: 'uniform' }))[1].state).toBe('declared');
    expect(rowDistances(c, side(zeros), side({}))[1].state).toBe('unclaimed');
  });
});
