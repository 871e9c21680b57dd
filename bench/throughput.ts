/** Cases a second of the whole suite in process, beside a bare loop that does nothing but call the backend. */
import type { BackendAnswer } from '../src/backend';
import fc from 'fast-check';
import booleanEqualsAdditive from '../properties/forms/boolean-equals-additive';
import { withForm } from '../src/arbitraries/changes';
import { narrow } from '../src/arbitraries/narrow';
import type { AttentionProperty } from '../src/property';
import { casesOf, drawBatch } from '../src/engine/draw';
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { resolveSupports } from '../src/supports';
import { flatAttention } from './flat-attention';
import { plainProperty } from './plain-fast-check';
import { atMost, median, type Table } from './table';

/** B, H 1..4, Q, K 1..6, D 1..8. */
export const small: AttentionProperty = {
  ...booleanEqualsAdditive,
  cases: (domain, supports) =>
    narrow(booleanEqualsAdditive.cases(domain, supports), {
      maxBatch: 4,
      maxHeads: 4,
      maxQLen: 6,
      maxKvLen: 6,
      maxHeadDim: 8,
    }),
};

export async function throughput(quick: boolean): Promise<Table> {
  const runs = quick ? 10_000 : 100_000;
  const reference = await openReference('oracle');
  const suite: number[] = [];
  const drawing: number[] = [];
  const bare: number[] = [];
  const plain: number[] = [];
  const session = await flatAttention.open();
  const arbitrary = casesOf(small, resolveSupports(flatAttention.supports));
  for (let round = 0; round < 5; round++) {
    suite.push(
      await rate(runs, async () => {
        await runSuite({ backends: [flatAttention], properties: [small], seed: round, runs, reference });
      }),
    );
    drawing.push(await rate(runs, async () => void drawBatch(arbitrary, round, runs)));
    const calls = drawBatch(arbitrary, round, 2_000).flatMap((c) => [
      c,
      withForm(c, 'additive', 'finfo'),
      withForm(c, 'additive', 'inf'),
    ]);
    bare.push(
      await rate(2_000 * 5, async () => {
        for (let n = 0; n < 5; n++) await session.attend(calls);
      }),
    );
  }
  const property = plainProperty((cases) => session.attend(cases) as readonly BackendAnswer[]);
  for (let seed = 0; seed < 5; seed++)
    plain.push(await rate(500, async () => fc.assert(property, { seed, numRuns: 500 })));
  const row = (what: string, rates: readonly number[]) => [
    what,
    Math.round(median(rates)).toLocaleString('en'),
    (median(rates) / median(bare)).toFixed(3),
  ];
  return {
    title:
      'boolean = additive in process, B, H 1..4, Q, K 1..6, D 1..8, three calls a case (cases a second of processor time, median of 5 rounds)',
    header: ['', 'cases/s', 'of the bare loop'],
    rows: [
      row('the suite', suite),
      row('drawing alone', drawing),
      row('plain fast-check, nested arrays', plain),
      row('bare loop', bare),
    ],
    gates: [
      { name: 'at least 10,000 cases a second', ok: median(suite) >= 10_000 },
      atMost(0.45, 'share of the time that goes into drawing', median(suite) / median(drawing)),
    ],
  };
}

/** Of the processor's time, so that it is the same on a busy machine. */
async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (count / (user + system)) * 1e6;
}
