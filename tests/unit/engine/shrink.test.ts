import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shrink } from '../../../src/engine/shrink';

const unlimited = { executions: 10_000, deadline: Infinity };

describe('shrink', () => {
  it('takes the same road to the same value as fast-check, so that its path is one that fast-check replays', async () => {
    const arbitrary = fc.integer({ min: 0, max: 100_000 });
    for (let seed = 0; seed < 20; seed++) {
      const fails = (n: number) => n > 1234 && n % 3 !== 0;
      const details = fc.check(
        fc.property(arbitrary, (n) => !fails(n)),
        { seed, numRuns: 50 },
      );
      if (!details.failed) continue;
      const [first] = String(details.counterexamplePath).split(':');
      const value = fc.sample(arbitrary, { seed, numRuns: Number(first) + 1 })[Number(first)];
      let context: unknown;
      const contexts = new Map<number, unknown>([[value, context]]);
      const candidates = function* (n: number) {
        for (const smaller of arbitrary.shrink(n, contexts.get(n))) {
          contexts.set(smaller.value, smaller.context);
          yield smaller.value;
        }
      };
      const shrunk = await shrink(
        { value, finding: true },
        candidates,
        async (some) => some.map((n) => (fails(n) ? true : undefined)),
        unlimited,
      );
      expect(fails(shrunk.value)).toBe(true);
      const again = fc.check(
        fc.property(arbitrary, (n) => !fails(n)),
        { seed, path: [first, ...shrunk.path].join(':'), endOnFailure: true },
      );
      expect(again.counterexample).toEqual([shrunk.value]);
    }
  });

  it('stops where no candidate fails, having tried each once', async () => {
    let tried = 0;
    const shrunk = await shrink(
      { value: 10, finding: 'ten' },
      (n) => [n - 1, n - 2].filter((x) => x >= 0),
      async (some) => {
        tried += some.length;
        return some.map((n) => (n >= 4 ? String(n) : undefined));
      },
      unlimited,
    );
    expect(shrunk).toMatchObject({ value: 4, finding: '4', path: [0, 0, 0, 0, 0, 0], executions: tried });
    expect(shrunk.stopped).toBeUndefined();
  });

  it('keeps what it has when a limit is reached', async () => {
    const shrunk = await shrink(
      { value: 1000, finding: true },
      (n) => [n - 1],
      async (some) => some.map(() => true),
      { executions: 10, deadline: Infinity },
    );
    expect(shrunk.value).toBe(990);
    expect(shrunk.stopped).toBe('10 smaller cases were tried');
    const late = await shrink(
      { value: 5, finding: true },
      (n) => [n - 1],
      async (some) => some.map(() => true),
      { executions: 10, deadline: 0 },
    );
    expect(late).toMatchObject({ value: 5, stopped: 'the time for shrinking was up' });
  });

  it('keeps what it has when the run is interrupted while a candidate hangs', async () => {
    const signal = { aborted: false };
    const shrunk = await shrink(
      { value: 10, finding: 'ten' },
      (n) => [n - 1],
      (some) => {
        if (some[0] > 6) return Promise.resolve(some.map(String));
        signal.aborted = true;
        return new Promise<never>(() => undefined);
      },
      { ...unlimited, signal },
    );
    expect(shrunk).toMatchObject({ value: 7, finding: '7', path: [0, 0, 0], stopped: 'interrupted' });
  });
});
