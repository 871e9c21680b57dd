import { describe, expect, it } from 'vitest';
import { sizesOf } from '../../../reference/case';
import { expectationOf, RowState } from '../../../reference/expectation';
import type { Interval } from '../../../reference/expectation';
import { emulate } from './emulate';
import type { Machine } from './emulate';
import { followed, kinds, machines, subnormal } from './machines';
import { Dice, bottomRight, randomCase } from './random-case';

describe('no number that a machine can compute within its declaration lies outside the interval', () => {
  it.each([...machines, ...followed])('%s', (name, dtype, precision) => {
    const dice = new Dice(name.length);
    let compared = 0;
    for (const kind of kinds) {
      const amplitudes = kind.amplitudes.map((size) => (size === 0 ? subnormal[dtype] : size)) as [
        number,
        number,
        number,
      ];
      for (let n = 0; n < 45; n++) {
        const c = randomCase(dice, { dtype, amplitudes, bias: kind.bias, maxKeys: n % 5 === 0 ? 24 : 6 });
        const expected = expectationOf(c, bottomRight, precision);
        const machine: Machine = {
          precision,
          order: dice.pick(['forward', 'backward', 'pairs'] as const),
          reciprocal: dice.chance(0.5) && subnormal[dtype] !== amplitudes[2],
        };
        const actual = emulate(c, expected.keep, machine);
        const { vHeadDim, kvLen } = sizesOf(c);
        expected.rows.forEach((state, row) => {
          if (state !== RowState.ok) return;
          compared++;
          const say = (what: string) => `${what} of row ${row} of case ${n}, ${kind.name}`;
          expectInside(actual.output, expected.output, row * vHeadDim, vHeadDim, say('output'));
          const kept = expected.keep.subarray(row * kvLen, (row + 1) * kvLen);
          expectInside(actual.weights, expected.weights, row * kvLen, kvLen, say('weights'));
          expectInside(actual.scores, expected.scores, row * kvLen, kvLen, say('scores'), kept);
        });
      }
    }
    expect(compared).toBeGreaterThan(1200);
  });
});

function expectInside(
  actual: Float64Array,
  { low, high, centre, radius }: Interval,
  start: number,
  length: number,
  what: string,
  kept?: Uint8Array,
): void {
  for (let n = 0; n < length; n++) {
    if (kept?.[n] === 0) continue;
    const at = start + n;
    if (!(actual[at] >= low[at] && actual[at] <= high[at])) {
      expect.fail(`${what} at ${n}: ${actual[at]} is not in [${low[at]}, ${high[at]}]`);
    }
    // As one number the radius is no sharper than the interval, but for its own rounding.
    if (Math.abs(actual[at] - centre[at]) > radius[at] * (1 + 2 ** -40))
      expect.fail(`${what} at ${n}: beyond ${radius[at]}`);
  }
}
