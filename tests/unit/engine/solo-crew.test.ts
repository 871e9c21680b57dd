import { describe, expect, it } from 'vitest';
import { isRemote, type Backend, type RemoteBackend } from '../../../src/backend';
import { narrow } from '../../../src/arbitraries/narrow';
import { oracleBackend } from '../../../src/backends/oracle';
import { openReference } from '../../../src/engine/reference';
import { runSuite } from '../../../src/engine/run-suite';
import { OneAtATime } from '../../../src/one-at-a-time';
import { defineProperty } from '../../../src/property';

/** What is done, in order: `ask` as batches are put into bytes, `send` and `answer` on the other side, `judge` as they are checked. */
function recorder() {
  const done: string[] = [];
  const property = (id: string, exclusive?: true) =>
    defineProperty({
      id,
      statement: 'An answer comes.',
      compares: 'exact',
      needs: {},
      ...(exclusive && { exclusive }),
      cases: (domain) => narrow(domain, { maxQLen: 2, maxKvLen: 2, maxBatch: 1, maxHeads: 1, maxHeadDim: 1 }),
      async check(context, c) {
        await context.attend([c]);
        if (done.at(-1) !== `judge ${id}`) done.push(`judge ${id}`);
        return undefined;
      },
    });
  /** The oracle behind a wire: it takes its time, until more is asked of it or there seems to be no more. */
  function remote(patientFrom = Infinity): RemoteBackend {
    const oracle = oracleBackend();
    const queue = new OneAtATime();
    const openLater = () => {
      const attend = async (cases: Parameters<Awaited<ReturnType<Backend['open']>>['attend']>[0]) => {
        done.push(`send ${cases.length}`);
        const asked = done.length;
        const patience = asked > patientFrom ? 100 : 1;
        for (let waits = 0; waits < patience && !done.slice(asked).some((one) => one.startsWith('ask')); waits++)
          await new Promise((resolve) => setTimeout(resolve, 10));
        const answers = (await oracle.open()).attend(cases);
        done.push(`answer ${cases.length}`);
        return answers;
      };
      return {
        isOpening: false,
        attend,
        attendInTurn(cases: Parameters<typeof attend>[0]) {
          done.push(`ask ${cases.length}`);
          return queue.run(() => attend(cases));
        },
      };
    };
    return { ...oracle, open: openLater, openLater };
  }
  return { done, property, remote };
}

const run = async (backend: Backend, properties: Parameters<typeof runSuite>[0]['properties'], runs: number) =>
  runSuite({ backends: [backend], properties, seed: 1, runs, reference: await openReference('oracle') });

describe('a run on a backend in another process', () => {
  it('has the next batch in bytes while one is answered, and sends it before that one is judged', async () => {
    const { done, property, remote } = recorder();
    const report = await run(remote(4 * 7), [property('test/one'), property('test/two')], 1023);
    expect(report.outcomes.map(({ status, cases }) => [status, cases])).toEqual([
      ['held', 1023],
      ['held', 1023],
    ]);
    const large = done.flatMap((one, n) => (/^answer (?:128|256)$/.test(one) ? [n] : []));
    expect(large).toHaveLength(2 * 4);
    // The last large one of the first property is followed by a small one of the second.
    for (const n of large.slice(0, -1))
      expect(done.slice(n + 1, n + 3)).toEqual([expect.stringMatching(/^send/), expect.stringMatching(/^judge/)]);
    // Small ones come by themselves where they are the first of all.
    expect(done.slice(0, 4 * 7).filter((one) => one.startsWith('send'))).toEqual(
      [1, 2, 4, 8, 16, 32, 64].map((n) => `send ${n}`),
    );
  });

  it('leaves properties alone that want to be', async () => {
    const { done, property, remote } = recorder();
    await run(remote(), [property('test/shared'), property('test/alone', true)], 3);
    const from = done.findIndex(
      (one, n) => one === 'ask 1' && done.slice(0, n).filter((x) => x === 'judge test/shared').length === 2,
    );
    expect(done.slice(from)).toEqual(
      Array.from({ length: 3 }, () => ['ask 1', 'send 1', 'answer 1', 'judge test/alone']).flat(),
    );
  });

  it('asks a backend in this process one batch after the other', async () => {
    const { done, property, remote } = recorder();
    const there = remote();
    const backend: Backend = {
      name: there.name,
      supports: there.supports,
      open: () => ({ attend: (cases) => there.openLater().attend(cases) }),
    };
    expect(isRemote(backend)).toBe(false);
    await run(backend, [property('test/one')], 7);
    expect(done).toEqual([1, 2, 4].flatMap((n) => [`send ${n}`, `answer ${n}`, 'judge test/one']));
  });
});
