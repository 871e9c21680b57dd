/** How the time of a run grows: with the number of cases, of properties, and with the number of cells of a case. */
import { performance } from 'node:perf_hooks';
import { properties } from '../properties';
import { attentionCase } from '../src/arbitraries';
import type { AttentionCase } from '../src/backend';
import { drawBatch } from '../src/engine/draw';
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { Subject } from '../src/engine/subject';
import type { Property } from '../src/property';
import { flatAttention } from './flat-attention';
import { atMost, median, type Table } from './table';
import { small } from './throughput';

const ROUNDS = 5;

export async function growth(quick: boolean): Promise<Table> {
  const reference = await openReference('oracle');
  const suite = (chosen: readonly Property[], runs: number) => async (seed: number) =>
    void (await runSuite({ backends: [flatAttention], properties: chosen, seed, runs, reference }));
  const runs = quick ? 2_000 : 10_000;
  // Copies of one property: real ones cost what they cost.
  const copies = (count: number) => Array.from({ length: count }, (_, n) => ({ ...small, id: `copy/${n}` }));
  const subject = new Subject(flatAttention, reference, 60_000);
  const judged = (side: number) => {
    const whole = { maskRanks: [4], broadcast: 'never', groupedHeads: 'never', valueDim: 'never' } as const;
    const sized = {
      dtypes: ['float32'],
      bridges: ['base'],
      maskForms: ['boolean'],
      minKvLen: side,
      maxKvLen: side,
    } as const;
    const arbitrary = attentionCase({
      ...whole,
      ...sized,
      maxQLen: side,
      maxBatch: 1,
      maxHeads: 1,
      cache: 'never',
      crossLength: 'never',
      slidingWindow: 'never',
      segments: 'never',
      softcap: 'never',
      scale: 'never',
    });
    const agrees = properties.find(({ id }) => id === 'numerics/agrees-with-reference')!;
    return async (seed: number) => {
      const cases: AttentionCase[] = drawBatch(arbitrary, seed, Math.max(2, 2 ** 17 / side ** 2));
      await subject.inFreshSession((session) => subject.check(agrees, cases, session));
    };
  };
  const series = [
    {
      what: 'cases',
      sizes: [runs, 2 * runs, 4 * runs],
      work: (n: number) => suite([small], n),
      amount: (n: number) => n,
    },
    { what: 'properties', sizes: [4, 8, 16], work: (n: number) => suite(copies(n), 500), amount: (n: number) => n },
    // The same number of cells in fewer and larger cases: asked, judged by the reference, radius and all.
    { what: 'q_len = kv_len', sizes: [32, 64, 128], work: judged, amount: () => 1 },
  ];
  const rows: string[][] = [];
  const gates = [];
  for (const { what, sizes, work, amount } of series) {
    const jobs = sizes.map((size) => ({ size, run: work(size), times: [] as number[] }));
    await jobs[0].run(99);
    // In turns, so that a busy machine slows all alike.
    for (let round = 0; round < ROUNDS; round++)
      for (const { run, times } of jobs) {
        const started = performance.now();
        await run(round);
        times.push(performance.now() - started);
      }
    for (const { size, times } of jobs) rows.push([`${what}: ${size.toLocaleString('en')}`, median(times).toFixed(0)]);
    const perAmount = jobs.map(({ size, times }) => median(times) / amount(size));
    gates.push(atMost(1.5, `${what}: the time for as much, last beside first`, perAmount[2] / perAmount[0]));
  }
  return {
    title: 'growth (milliseconds, median of 5 rounds; linear is a ratio of 1)',
    header: ['', 'ms'],
    rows,
    gates,
  };
}
