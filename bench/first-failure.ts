/** The first bug, 20 seeds: cases until it is found, and what it takes to make it small. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import booleanEqualsAdditive from '../properties/forms/boolean-equals-additive';
import { sizesOf, type AttentionCase } from '../reference/case';
import { loadBackend } from '../src/backends/load';
import type { Counterexample } from '../src/engine/events';
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { atMost, median, type Table } from './table';

export async function firstFailure(): Promise<Table> {
  const backend = await loadBackend(join(__dirname, '..', 'examples', 'boolean-added.ts'), { check: false });
  const reference = await openReference('oracle');
  const found: Counterexample[] = [];
  const toFailure: number[] = [];
  const toCounterexample: number[] = [];
  for (let seed = 0; seed < 20; seed++) {
    const started = performance.now();
    let failed = NaN;
    const report = await runSuite({
      backends: [backend],
      properties: [booleanEqualsAdditive],
      seed,
      runs: 1_000,
      reference,
      listeners: [
        (event) => {
          if (event.type === 'progress' && event.stage === 'shrinking') failed = performance.now() - started;
        },
      ],
    });
    const [{ counterexample }] = report.outcomes;
    if (counterexample) found.push(counterexample);
    toFailure.push(failed);
    toCounterexample.push(performance.now() - started);
  }
  const minimal = found.filter(isMinimal).length;
  const of = (pick: (c: Counterexample) => number) =>
    [median(found.map(pick)), Math.max(...found.map(pick))].map(String);
  const clock = (times: readonly number[]) => [median(times), Math.max(...times)].map((ms) => ms.toFixed(1));
  return {
    title: 'the first bug (a boolean mask that is added), 20 seeds',
    header: ['', 'median', 'worst'],
    rows: [
      ['cases until it is found', ...of((c) => c.found)],
      ['calls to shrink it', ...of((c) => c.calls)],
      ['milliseconds to the first failure', ...clock(toFailure)],
      ['milliseconds to the shrunk counterexample, with other contents and probes', ...clock(toCounterexample)],
      ['seeds that reach the two-cell mask', `${minimal} of 20`, ''],
    ],
    gates: [
      {
        name: 'found in at most 5 cases in the median',
        ok: found.length === 20 && median(found.map((c) => c.found)) <= 5,
      },
      atMost(50, 'milliseconds to the first failure in the median', median(toFailure)),
      atMost(250, 'milliseconds to the shrunk counterexample in the median', median(toCounterexample)),
      { name: 'at most 60 calls to shrink in the median', ok: median(found.map((c) => c.calls)) <= 60 },
      { name: 'the two-cell mask in 20 of 20 seeds', ok: minimal === 20 },
    ],
  };
}

/** One query, two keys, one of them dropped, one feature. */
function isMinimal({ case: found }: Counterexample): boolean {
  const c = found as AttentionCase;
  const { batch, numHeads, qLen, kvLen, headDim } = sizesOf(c);
  const dropped = c.mask ? Array.from(c.mask.tensor.data).filter((cell) => cell === 0).length : 0;
  return batch === 1 && numHeads === 1 && qLen === 1 && kvLen === 2 && headDim === 1 && dropped === 1;
}
