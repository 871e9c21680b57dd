import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstCulprit, shortestSequence } from '../../../src/engine/bisect';

describe('firstCulprit', () => {
  it('finds the first item that fails alone, in at most two tries a halving', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(63), { minLength: 1 }), async (bad) => {
        let tries = 0;
        const items = Array.from({ length: 64 }, (_, n) => n);
        const found = await firstCulprit(items, async (some) => (tries++, some.some((n) => bad.includes(n))));
        expect(found).toBe(Math.min(...bad));
        expect(tries).toBeLessThanOrEqual(12);
      }),
    );
  });

  it('says nothing where it takes two items together', async () => {
    expect(await firstCulprit([0, 1, 2, 3], async (some) => some.includes(0) && some.includes(3))).toBeUndefined();
  });
});

describe('shortestSequence', () => {
  it('leaves just the items that are needed, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 3 }), async (needed) => {
        const items = Array.from({ length: 31 }, (_, n) => n);
        const left = await shortestSequence(items, async (some) => needed.every((n) => some.includes(n)));
        expect(left).toEqual([...needed].sort((a, b) => a - b));
      }),
    );
  });

  it('comes down to nothing where nothing is needed', async () => {
    expect(await shortestSequence([1, 2, 3], async () => true)).toEqual([]);
  });
});
