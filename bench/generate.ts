/** How fast square masks are drawn by us and by nested arrays of fast-check's booleans, in the same run; and whole cases. */
import fc from 'fast-check';
import { attentionCase, attentionMask } from '../src/arbitraries';
import { atLeast, type Table } from './table';

const SIDES = [16, 64, 128, 512];
const ROUNDS = 5;

/** Each pair is drawn in turns, so that a busy machine slows both: microseconds a mask, the best of the rounds. */
function square(side: number): { ours: number; nested: number } {
  const ours = attentionMask({
    qLen: side,
    kvLen: side,
    ranks: [4],
    forms: ['boolean'],
    kinds: ['random'],
    broadcast: 'never',
  });
  const line = fc.array(fc.boolean(), { minLength: side, maxLength: side });
  const nested = fc.array(line, { minLength: side, maxLength: side });
  const count = Math.ceil(2 ** 18 / side ** 2);
  const best = { ours: Infinity, nested: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    best.ours = Math.min(best.ours, microseconds(ours, 10 * count, round));
    best.nested = Math.min(best.nested, microseconds(nested, Math.ceil(count / 2), round));
  }
  return best;
}

function microseconds<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, seed: number): number {
  const start = performance.now();
  fc.sample(arbitrary, { seed, numRuns });
  return ((performance.now() - start) * 1000) / numRuns;
}

export function generation(): Table {
  const squares = SIDES.map((side) => ({ side, ...square(side) }));
  const cases = (arbitrary: fc.Arbitrary<unknown>) =>
    Math.min(...Array.from({ length: ROUNDS }, (_, round) => microseconds(arbitrary, 1000, round))).toFixed(1);
  return {
    title: 'drawing (microseconds a value, best of 5 rounds)',
    header: ['', 'ours', 'nested fc.array(fc.boolean())', 'times as fast'],
    rows: [
      ...squares.map(({ side, ours, nested }) => [
        `random ${side} x ${side} mask`,
        ours.toFixed(1),
        nested.toFixed(1),
        (nested / ours).toFixed(0),
      ]),
      ['attentionCase, q_len and kv_len up to 6', cases(attentionCase({ maxQLen: 6, maxKvLen: 6 }))],
      ['attentionCase, all of it', cases(attentionCase())],
    ],
    gates: squares.map(({ side, ours, nested }) =>
      atLeast(10, `${side} x ${side} masks, times nested arrays`, nested / ours),
    ),
  };
}
