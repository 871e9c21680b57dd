import { describe, expect, it } from 'vitest';
import type { FloatType } from '../../../reference/case';
import { expectationOf } from '../../../reference/expectation';
import type { Backward, Precision } from '../../../reference/precision';
import { floatTensor } from '../../../reference/tensor';
import { emulateGradients } from './emulate-gradients';
import type { BackwardMachine } from './emulate-gradients';
import { kinds, machines, subnormal } from './machines';
import { askingRandomly, bottomRight, Dice } from './random-case';

/** How many times as many cases: MASKPROOF_SOUNDNESS. */
const times = Number(process.env.MASKPROOF_SOUNDNESS ?? 1);

/** What each machine declares of its backward pass: nothing, or how it goes. */
function declarations(dtype: FloatType, precision: Precision): readonly (Backward | undefined)[] {
  const fused: Backward = { weights: 'rebuilt', mean: 'output' };
  const half = dtype === 'float16' || dtype === 'bfloat16' ? { type: dtype } : undefined;
  return [
    undefined,
    ...(precision.weights?.normalised === false ? [] : [{ weights: 'kept', mean: 'weights' } as const]),
    fused,
    ...(half ? [{ ...fused, operands: half, partial: half, tile: 2 }] : []),
  ];
}

describe('no gradient that a machine can compute within its declaration lies outside the interval', () => {
  it.each(machines)('%s', (name, dtype, declared) => {
    const dice = new Dice(name.length);
    let compared = 0;
    for (const backward of declarations(dtype, declared)) {
      const precision: Precision = { ...declared, ...(backward && { backward }) };
      for (const kind of [...kinds, { name: 'subnormal gradients', amplitudes: [1, 1, 1], bias: 1 }]) {
        const amplitudes = kind.amplitudes.map((size) => (size === 0 ? subnormal[dtype] : size)) as [
          number,
          number,
          number,
        ];
        for (let n = 0; n < 7 * times; n++) {
          const drawn = askingRandomly(dice, { dtype, amplitudes, bias: kind.bias, maxKeys: n % 5 === 0 ? 24 : 6 });
          const tiny = kind.name === 'subnormal gradients' ? subnormal[dtype] : 1;
          const gradOutput = floatTensor(
            dtype,
            drawn.gradOutput!.shape,
            drawn.gradOutput!.data.map((x) => x * tiny),
          );
          const c = { ...drawn, gradOutput };
          const { gradients, keep } = expectationOf(c, bottomRight, precision);
          const machine: BackwardMachine = {
            precision,
            order: dice.pick(['forward', 'backward', 'pairs'] as const),
            reciprocal: dice.chance(0.5) && subnormal[dtype] !== amplitudes[2],
            weights: backward?.weights ?? dice.pick(['kept', 'rebuilt'] as const),
            mean: backward?.mean ?? dice.pick(['weights', 'output'] as const),
            factored: dice.chance(0.5),
            scaledEarly: dice.chance(0.5),
            through: dice.chance(0.5),
            oneByOne: dice.chance(0.5),
          };
          const actual = emulateGradients(c, keep, machine);
          for (const of of ['query', 'key', 'value'] as const) {
            const { low, high, centre, radius } = gradients![of];
            low.forEach((least, at) => {
              if (high[at] === Infinity) return;
              compared++;
              if (!(actual[of][at] >= least && actual[of][at] <= high[at])) {
                expect.fail(
                  `${of} ${at} of case ${n}, ${kind.name}, ${JSON.stringify(machine)}: ${actual[of][at]} is not in [${least}, ${high[at]}]`,
                );
              }
              if (Math.abs(actual[of][at] - centre[at]) > radius[at] * (1 + 2 ** -40))
                expect.fail(`${of} ${at} of case ${n}: beyond ${radius[at]}`);
            });
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });
});
