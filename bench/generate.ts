/** How fast masks are drawn: 64 x 64 boolean cells by us and by nested arrays of fast-check's booleans, in the same run; and whole cases. */
import fc from 'fast-check';
import { attentionCase, attentionMask } from '../src/arbitraries';
import type { Table } from './table';

interface GenerateFigures {
  /** Microseconds a value, the best of the rounds. */
  readonly ours: number;
  readonly nested: number;
  readonly ratio: number;
  readonly smallCase: number;
  readonly anyCase: number;
}

const SIDE = 64;
const ROUNDS = 5;

/** Both kinds of masks are drawn in turns, so that a busy machine slows both. */
function measureGenerate(): GenerateFigures {
  const ours = attentionMask({
    qLen: SIDE,
    kvLen: SIDE,
    ranks: [4],
    forms: ['boolean'],
    kinds: ['random'],
    broadcast: 'never',
  });
  const line = fc.array(fc.boolean(), { minLength: SIDE, maxLength: SIDE });
  const nested = fc.array(line, { minLength: SIDE, maxLength: SIDE });
  const small = attentionCase({ maxQLen: 6, maxKvLen: 6 });
  const best = [Infinity, Infinity, Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    best[0] = Math.min(best[0], microseconds(ours, 400, round));
    best[1] = Math.min(best[1], microseconds(nested, 20, round));
    best[2] = Math.min(best[2], microseconds(small, 2000, round));
    best[3] = Math.min(best[3], microseconds(attentionCase(), 1000, round));
  }
  return { ours: best[0], nested: best[1], ratio: best[1] / best[0], smallCase: best[2], anyCase: best[3] };
}

function microseconds<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, seed: number): number {
  const start = performance.now();
  fc.sample(arbitrary, { seed, numRuns });
  return ((performance.now() - start) * 1000) / numRuns;
}

export function generation(): Table {
  const { ours, nested, ratio, smallCase, anyCase } = measureGenerate();
  const line = (what: string, figure: number): string[] => [what, figure.toFixed(1)];
  return {
    title: 'drawing (microseconds a value, best of 5 rounds)',
    header: ['', 'us'],
    rows: [
      line(`random ${SIDE} x ${SIDE} mask, attentionMask`, ours),
      line(`random ${SIDE} x ${SIDE} mask, nested fc.array(fc.boolean())`, nested),
      line('attentionCase, q_len and kv_len up to 6', smallCase),
      line('attentionCase, all of it', anyCase),
    ],
    gates: [{ name: `masks at least 10 times as fast as nested arrays (${ratio.toFixed(0)} times)`, ok: ratio >= 10 }],
  };
}
