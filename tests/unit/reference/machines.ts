/** Ways to compute attention that the radius must allow, each with what it would declare, and contents to try them on. */
import type { FloatType } from '../../../reference/case';
import { defaultPrecision } from '../../../reference/precision';
import type { Precision, Store } from '../../../reference/precision';

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

export const machines: readonly (readonly [string, FloatType, Precision])[] = [
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
export function sure(precision: Precision): Precision {
  const followed = { ...precision };
  for (const place of ['dot', 'scaled', 'masked', 'weights'] as const) {
    if (precision[place]) Object.assign(followed, { [place]: { ...precision[place], sure: true } });
  }
  return followed;
}

/** Those that store something on the way, and declare that they do. */
export const followed = machines
  .filter(([, , { dot, weights }]) => dot !== undefined || weights !== undefined)
  .map(([name, dtype, precision]) => [`${name}, followed`, dtype, sure(precision)] as const);

/** Contents: sizes of query, key and value, and of the bias. */
export const kinds = [
  { name: 'normal', amplitudes: [1, 1, 1], bias: 2 },
  { name: 'large scores', amplitudes: [10, 6, 1], bias: 30 },
  { name: 'peaked', amplitudes: [30, 10, 4], bias: 500 },
  { name: 'nearly equal', amplitudes: [2 ** -6, 1, 1], bias: 2 ** -9 },
  { name: 'subnormal values', amplitudes: [1, 1, 0], bias: 1 },
  { name: 'subnormal queries', amplitudes: [0, 1, 1], bias: 0 },
] as const;

export const subnormal: Record<FloatType, number> = {
  float64: 2 ** -1060,
  float32: 2 ** -135,
  float16: 2 ** -18,
  bfloat16: 2 ** -128,
};
