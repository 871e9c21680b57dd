import { describe, expect, it } from 'vitest';
import { batchSeed, batchSize, maxSeed } from '../../../src/engine/seed';

describe('batchSeed', () => {
  it('is a whole number from 0 to 2^31 - 1 that depends on seed, property and batch', () => {
    const seeds = [batchSeed(1, 'a/b', 0), batchSeed(2, 'a/b', 0), batchSeed(1, 'a/c', 0), batchSeed(1, 'a/b', 1)];
    expect(new Set(seeds).size).toBe(4);
    for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed <= maxSeed).toBe(true);
  });

  it('never changes: files of findings refer to it', () => {
    expect(batchSeed(20261123, 'forms/boolean-equals-additive', 3)).toBe(1974158043);
  });
});

describe('batchSize', () => {
  it('doubles from 1 to 256', () => {
    expect([0, 1, 2, 7, 8, 9, 100].map(batchSize)).toEqual([1, 2, 4, 128, 256, 256, 256]);
  });
});
