import { describe, expect, it } from 'vitest';
import { float64Array, uint8Array } from '../../../reference/small-arrays';

describe('small arrays', () => {
  it('are zeros that nobody else writes into', () => {
    const lengths = Array.from({ length: 3000 }, (_, n) => (n * 7) % 61);
    const arrays = lengths.map((length, n) => (n % 3 === 0 ? uint8Array(length) : float64Array(length)));
    arrays.forEach((array, n) => {
      expect(array.every((x) => x === 0)).toBe(true);
      array.fill((n % 255) + 1);
    });
    arrays.forEach((array, n) => {
      expect(array).toHaveLength(lengths[n]);
      expect(array.every((x) => x === (n % 255) + 1)).toBe(true);
    });
  });

  it('share their memory with others, and large ones do not', () => {
    expect(float64Array(3).buffer.byteLength).toBeGreaterThan(1000);
    expect(float64Array(10_000).buffer.byteLength).toBe(80_000);
    expect(uint8Array(10_000).buffer.byteLength).toBe(10_000);
  });

  it('leave with memory of their own when they are sliced', () => {
    expect(float64Array(20).slice().buffer.byteLength).toBe(160);
  });
});
