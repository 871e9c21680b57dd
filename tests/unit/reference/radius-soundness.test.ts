import { describe, expect, it } from 'vitest';
import { sizesOf } from '../../../reference/case';
import type { FloatType } from '../../../reference/case';
import { expectationOf, RowState } from '../../../reference/expectation';
import type { Interval } from '../../../reference/expectation';
import { defaultPrecision } from '../../../reference/precision';
import type { Precision, Store } from '../../../reference/precision';
import { emulate } from './emulate';
import type { Machine } from './emulate';
import { Dice, bottomRight, randomCase } from './random-case';

const u = 2 ** -24;
const f32: Store = { type: 'float32' };
const f16: Store = { type: 'float16' };
const bf16: Store = { type: 'bfloat16', flush: true };
const plain: Precision = {
  accumulate: f32,
  scale: { roundings: 2 },
  exp: { relative: 2 * u, tiny: 2 ** -149 },
  divide: 2,
};

const machines: readonly (readonly [string, FloatType, Precision])[] = [
  ['float32, one pass', 'float32', plain],
  ['float32, sqrt(scale) on both sides', 'float32', { ...plain, scale: { roundings: 4 } }],
  ['float32, tiles', 'float32', { ...plain, tile: 2 }],
  [
    'float32, flush to zero, exp cut off',
    'float32',
    { ...plain, accumulate: { ...f32, flush: true }, exp: { relative: 2 * u, tiny: 2 ** -125 } },
  ],
  [
    'float32, fused exp2 in tiles',
    'float32',
    { ...plain, scale: { roundings: 4 }, fusedExp2: 1, exp: { relative: 4 * u, perUnit: u, tiny: 2 ** -149 }, tile: 2 },
  ],
  ['float32, TF32 inputs', 'float32', { ...plain, inputs: { relative: 2 ** -11, tiny: 2 ** -126 } }],
  ['float32, undeclared', 'float32', defaultPrecision('float32')],
  ['float64, one pass', 'float64', { ...defaultPrecision('float64'), scale: { roundings: 2 }, divide: 2 }],
  ['float64, tiles', 'float64', { ...defaultPrecision('float64'), tile: 2 }],
  ['float16 over float32', 'float16', { ...plain, output: 'float16' }],
  ['bfloat16 over float32', 'bfloat16', { ...plain, output: 'bfloat16' }],
  [
    'float16 eager',
    'float16',
    {
      ...plain,
      dot: f16,
      scaled: f16,
      masked: f16,
      weights: { ...f16, normalised: true, inSum: false },
      output: 'float16',
    },
  ],
  [
    'bfloat16 eager, flush to zero',
    'bfloat16',
    {
      ...plain,
      dot: bf16,
      scaled: bf16,
      masked: bf16,
      weights: { ...bf16, normalised: true, inSum: false },
      output: 'bfloat16',
    },
  ],
  [
    'float16 flash, stored weights in tiles',
    'float16',
    { ...plain, tile: 2, weights: { ...f16, normalised: false, inSum: false }, output: 'float16' },
  ],
  [
    'bfloat16 flash, the sum of stored weights',
    'bfloat16',
    { ...plain, weights: { ...bf16, normalised: false, inSum: true }, output: 'bfloat16' },
  ],
  [
    'float16, stored query and key',
    'float16',
    { ...plain, scale: { roundings: 4, stored: f16 }, dot: f16, masked: f16, output: 'float16' },
  ],
  ['float16, all of it', 'float16', { ...plain, accumulate: f16, exp: { relative: 2 ** -10, tiny: 2 ** -24 } }],
];

/** The same stores, declared to happen. */
function sure(precision: Precision): Precision {
  const followed = { ...precision };
  for (const place of ['dot', 'scaled', 'masked', 'weights'] as const) {
    if (precision[place]) Object.assign(followed, { [place]: { ...precision[place], sure: true } });
  }
  return followed;
}
const followed = machines
  .filter(([, , { dot, weights }]) => dot !== undefined || weights !== undefined)
  .map(([name, dtype, precision]) => [`${name}, followed`, dtype, sure(precision)] as const);

/** Contents: sizes of query, key and value, and of the bias. */
const kinds = [
  { name: 'normal', amplitudes: [1, 1, 1], bias: 2 },
  { name: 'large scores', amplitudes: [10, 6, 1], bias: 30 },
  { name: 'peaked', amplitudes: [30, 10, 4], bias: 500 },
  { name: 'nearly equal', amplitudes: [2 ** -6, 1, 1], bias: 2 ** -9 },
  { name: 'subnormal values', amplitudes: [1, 1, 0], bias: 1 },
  { name: 'subnormal queries', amplitudes: [0, 1, 1], bias: 0 },
] as const;

const subnormal: Record<FloatType, number> = {
  float64: 2 ** -1060,
  float32: 2 ** -135,
  float16: 2 ** -18,
  bfloat16: 2 ** -128,
};

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
