/** Defects with a known smallest case: how often shrinking ends in it, and after how many tries. */
import fc from 'fast-check';
import { attentionCase } from '../../src/arbitraries';
import type { AttentionCase } from '../../reference/case';
import { planted, reaches, type Planted } from '../../tests/unit/arbitraries/planted';
import { minimum } from '../../tests/unit/arbitraries/shrink-loop';
import { median } from '../table';
import { madeNow, type Shrinking } from './measured';

const seeds = 50;

export function scoreShrinking(tell: (line: string) => void): Shrinking {
  const rows = planted.map((one) => {
    const found = Array.from({ length: seeds }, (_, seed) =>
      minimum(firstFailing(one, seed + 1000), one.fails, one.domain),
    );
    const executions = found.map((each) => each.executions);
    const row = {
      defect: one.name,
      reached: found.filter((each) => reaches(one, each.case)).length,
      executions: { median: median(executions), most: Math.max(...executions) },
    };
    tell(`${row.reached} of ${seeds}, ${row.executions.median} / ${row.executions.most}: ${row.defect}`);
    return row;
  });
  return { made: madeNow(), seeds, rows };
}

/** The first case of a seed that fails, drawn in ever more samples. */
function firstFailing({ domain, fails, name }: Planted, seed: number): AttentionCase {
  const arbitrary = attentionCase(domain);
  for (let n = 0; n < 60; n++) {
    const found = fc.sample(arbitrary, { seed: seed * 100 + n, numRuns: 64 }).find(fails);
    if (found !== undefined) return found;
  }
  throw new Error(`Seed ${seed} finds no ${name}.`);
}
