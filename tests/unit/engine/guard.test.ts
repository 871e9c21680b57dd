import { describe, expect, it } from 'vitest';
import { TimeLimitError, within } from '../../../src/engine/guard';

describe('within', () => {
  it('gives what comes in time, now or later', async () => {
    expect(await within(1000, () => 1)).toBe(1);
    expect(await within(1000, async () => 2)).toBe(2);
  });

  it('interrupts a loop that never ends', async () => {
    await expect(
      within(50, () => {
        for (;;);
      }),
    ).rejects.toBeInstanceOf(TimeLimitError);
  });

  it('gives up on a promise that never settles', async () => {
    await expect(within(20, () => new Promise(() => undefined))).rejects.toBeInstanceOf(TimeLimitError);
  });

  it('passes on what is thrown, at once or later', async () => {
    await expect(
      within(1000, () => {
        throw new RangeError('now');
      }),
    ).rejects.toThrow('now');
    await expect(within(1000, () => Promise.reject(new RangeError('later')))).rejects.toThrow('later');
  });

  it('can be used inside itself', async () => {
    expect(await within(1000, async () => within(1000, () => 3))).toBe(3);
  });
});
