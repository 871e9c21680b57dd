import { describe, expect, it } from 'vitest';
import { Distances } from '../../../src/parity/distances';

const of = (...distances: readonly number[]): Distances => {
  const all = new Distances();
  for (const distance of distances) all.add(distance);
  return all;
};

describe('distances', () => {
  it('are none at first', () => {
    expect(of().largest).toBe(0);
    expect(of().quantile(0.99)).toBe(0);
  });

  it('keep the largest exactly, and infinities', () => {
    expect(of(0.1, 0.3, 0.2).largest).toBe(0.3);
    expect(of(0.1, Infinity).largest).toBe(Infinity);
    expect(of(0.1, Infinity).quantile(1)).toBe(Infinity);
  });

  it('give quantiles to a part in a hundred', () => {
    const hundred = of(...Array.from({ length: 100 }, (_, n) => n / 100));
    expect(hundred.quantile(0.99) / 0.98).toBeCloseTo(1, 1);
    expect(hundred.quantile(0.5) / 0.49).toBeCloseTo(1, 1);
    expect(hundred.quantile(1)).toBeLessThanOrEqual(0.99);
  });

  it('take zeros for what they are', () => {
    expect(of(0, 0, 0, 5).quantile(0.5)).toBe(0);
  });
});
