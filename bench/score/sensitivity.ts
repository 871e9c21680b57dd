/** One leaked cell in a causal square: what finds it, of our own rules and of those in use. */
import { sizesOf, type AttentionCase, type FloatType } from '../../reference/case';
import { round } from '../../reference/dtype';
import { expectationOf, type Interval } from '../../reference/expectation';
import { attend } from '../../reference/oracle';
import type { Precision } from '../../reference/precision';
import { boolTensor, floatTensor } from '../../reference/tensor';
import { emulate, type Machine } from '../../tests/unit/reference/emulate';
import { machines, sure } from '../../tests/unit/reference/machines';
import { bottomRight, Dice } from '../../tests/unit/reference/random-case';
import { madeNow, type Sensitivity } from './measured';

const headDim = 64;
/** Heads that a mean over a tensor is taken of: one leaks. */
const heads = 32;

interface Kernel {
  readonly dtype: FloatType;
  readonly precision: Precision;
}

const [[, , plain]] = machines;
const float32: Kernel = { dtype: 'float32', precision: plain };

/** float32 inside, and weights stored before they are divided by their sum. */
function flash(dtype: FloatType): Kernel {
  return {
    dtype,
    precision: { ...plain, weights: { type: dtype, normalised: false, inSum: false }, output: dtype },
  };
}

/** Everything stored: products, scaled and masked scores, weights. */
function eager(dtype: FloatType): Kernel {
  const store = { type: dtype };
  return {
    dtype,
    precision: {
      ...plain,
      dot: store,
      scaled: store,
      masked: store,
      weights: { ...store, normalised: true, inSum: false },
      output: dtype,
    },
  };
}

/** What is tried: a kernel, and the eager one of its type that rules compare it with. */
const kernels: readonly (readonly [label: string, kernel: Kernel, eager: Kernel])[] = [
  ['float32', float32, float32],
  ...(['float16', 'bfloat16'] as const).flatMap((dtype): [string, Kernel, Kernel][] => [
    [`${dtype} flash`, flash(dtype), eager(dtype)],
    [`${dtype} eager`, eager(dtype), eager(dtype)],
  ]),
];

/** Sizes, with how many leaks are tried in each, and of how many rows one is computed where a rule asks for errors of the whole head. */
const sizes = [
  { side: 512, leaks: 200, stride: 1 },
  { side: 2048, leaks: 60, stride: 16 },
] as const;

/** One head of a causal square. */
interface Square {
  readonly side: number;
  readonly dtype: FloatType;
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
}

function squareOf(side: number, dtype: FloatType): Square {
  const dice = new Dice(side);
  const normal = () => Float64Array.from({ length: side * headDim }, () => round(dice.normal(), dtype));
  return { side, dtype, query: normal(), key: normal(), value: normal() };
}

/** Query i alone, with the keys up to its own and, where given, a leaked one at the end. */
function rowOf({ query, key, value, dtype }: Square, i: number, leak?: number): AttentionCase {
  const at = (data: Float64Array, j: number) => data.subarray(j * headDim, (j + 1) * headDim);
  const taken = (data: Float64Array): Float64Array => {
    const some = new Float64Array((i + 1 + (leak === undefined ? 0 : 1)) * headDim);
    some.set(data.subarray(0, (i + 1) * headDim));
    if (leak !== undefined) some.set(at(data, leak), (i + 1) * headDim);
    return some;
  };
  const keys = taken(key);
  const length = keys.length / headDim;
  return {
    bridge: 'base',
    query: floatTensor(dtype, [1, 1, 1, headDim], at(query, i)),
    key: floatTensor(dtype, [1, 1, length, headDim], keys),
    value: floatTensor(dtype, [1, 1, length, headDim], taken(value)),
    mask: {
      rank: 2,
      form: 'boolean',
      tensor: boolTensor(
        [1, length],
        Array.from({ length }, (_, j) => (j <= i ? 1 : 0)),
      ),
    },
    isCausal: false,
    scale: 1 / Math.sqrt(headDim),
    want: {},
  };
}

/** What a kernel answers, all of its keys kept: the leak is one of them. */
function computed(c: AttentionCase, { precision }: Kernel): { output: Float64Array; weights: Float64Array } {
  const machine: Machine = { precision, order: 'pairs', reciprocal: false };
  return emulate(c, new Uint8Array(sizesOf(c).kvLen).fill(1), machine);
}

/** The float64 answer to a row without a leak. */
const exact = (c: AttentionCase): Float64Array => attend(c, bottomRight).output;

/** What a rule over a whole tensor has to know of it. */
interface Errors {
  readonly largest: number;
  /** Of the relative errors, where the exact number is not 0. */
  readonly largestRelative: number;
  readonly mean: number;
}

/** Errors of a kernel over the rows of one head, without a leak. */
function errorsOf(square: Square, kernel: Kernel, stride: number): Errors {
  let largest = 0;
  let count = 0;
  let largestRelative = 0;
  let sum = 0;
  for (let i = 0; i < square.side; i += stride) {
    const c = rowOf(square, i);
    const due = exact(c);
    computed(c, kernel).output.forEach((x, d) => {
      const error = Math.abs(x - due[d]);
      largest = Math.max(largest, error);
      if (due[d] !== 0) largestRelative = Math.max(largestRelative, error / Math.abs(due[d]));
      sum += error;
      count++;
    });
  }
  return { largest, largestRelative, mean: sum / count };
}

/** One leak, as the rules see it. */
interface Leak {
  /** The kernel's answer, with the leak and without; the exact answer, without. */
  readonly leaked: Float64Array;
  readonly clean: Float64Array;
  readonly due: Float64Array;
  readonly weight: number;
  /** The answer where the value of the leaked key is another. */
  readonly intervened: Float64Array;
  readonly allowed: Interval;
  readonly followed: Interval | undefined;
  /** Of the whole head, by the kernel and by the eager one. */
  readonly kernel: Errors;
  readonly eager: Errors;
  /** What the eager kernel answers to the row, without a leak. */
  readonly compared: Float64Array;
  readonly dtype: FloatType;
  readonly side: number;
}

/** Whether any number is further off than atol + rtol |due|. */
const isOff = (actual: Float64Array, due: Float64Array, atol: number, rtol: number): boolean =>
  actual.some((x, d) => Math.abs(x - due[d]) > atol + rtol * Math.abs(due[d]));

const isOutside = (actual: Float64Array, { low, high }: Interval): boolean =>
  actual.some((x, d) => !(x >= low[d] && x <= high[d]));

const torchDefaults = {
  float16: [1e-3, 1e-3],
  bfloat16: [1e-3, 1.6e-2],
  float32: [1e-5, 1.3e-6],
  float64: [1e-7, 1e-7],
} as const;
const huggingFace = { float16: [5e-3, 5e-3], bfloat16: [1e-2, 1e-2], float32: [1e-6, 1e-4], float64: [0, 0] } as const;

/**
 * Ours first. Each says whether it notices the leak. Where the others stand: flash-attention tests/test_flash_attn.py; pytorch
 * test/test_transformers.py (get_tolerances, fudge factor 1) and test/inductor/test_flex_attention.py (_check_equal); transformers
 * tests/test_modeling_common.py (atols and rtols of eager and sdpa); jax tests/nn_test.py (testDotProductAttention), whose
 * tests/fused_attention_stablehlo_test.py allows as much as cudnn-frontend test/python/test_mhas.py.
 */
const rules: readonly (readonly [rule: string, notices: (leak: Leak) => boolean | null])[] = [
  ['the derived radius', ({ leaked, allowed }) => isOutside(leaked, allowed)],
  [
    'the derived radius, declared roundings followed',
    ({ leaked, followed: interval }) => (interval === undefined ? null : isOutside(leaked, interval)),
  ],
  ['the support probe: a dropped weight that is not 0', ({ weight }) => weight !== 0],
  ['the intervention: not one bit may change', ({ leaked, intervened }) => leaked.some((x, d) => x !== intervened[d])],
  [
    'flash-attention: largest error at most twice that of eager, whole tensor',
    ({ leaked, due, kernel, eager }) => {
      const largest = leaked.reduce((most, x, d) => Math.max(most, Math.abs(x - due[d])), kernel.largest);
      return largest > 2 * eager.largest;
    },
  ],
  [
    "PyTorch get_tolerances: atol and rtol from eager's largest errors",
    ({ leaked, compared, eager, dtype }) => {
      const [atol, rtol] = torchDefaults[dtype];
      return isOff(leaked, compared, Math.max(eager.largest, atol), Math.max(eager.largestRelative, rtol));
    },
  ],
  [
    `FlexAttention: mean error at most 1.1 times eager's (10 in float32), one bad head of ${heads}`,
    ({ leaked, clean, due, kernel, eager, dtype, side }) => {
      const more = leaked.reduce((sum, x, d) => sum + Math.abs(x - due[d]) - Math.abs(clean[d] - due[d]), 0);
      return kernel.mean + more / (heads * side * headDim) > eager.mean * (dtype === 'float32' ? 10 : 1.1);
    },
  ],
  [
    'HuggingFace eager = sdpa table (1e-6, 5e-3, 1e-2)',
    ({ leaked, compared, dtype }) => {
      const [atol, rtol] = huggingFace[dtype];
      return isOff(leaked, compared, atol, rtol);
    },
  ],
  ['JAX nn.dot_product_attention 1e-2', ({ leaked, compared }) => isOff(leaked, compared, 1e-2, 1e-2)],
  ['cudnn-frontend, and JAX through cuDNN, 2e-2', ({ leaked, compared }) => isOff(leaked, compared, 2e-2, 2e-2)],
];

export async function scoreSensitivity(tell: (line: string) => void): Promise<Sensitivity> {
  const columns: string[] = [];
  const trials: Record<string, number> = {};
  const found = rules.map((): Record<string, number | null> => ({}));
  for (const { side, leaks, stride } of sizes) {
    for (const [label, kernel, other] of kernels) {
      const column = `${side} ${label}`;
      columns.push(column);
      trials[column] = leaks;
      const square = squareOf(side, kernel.dtype);
      const errors = { kernel: errorsOf(square, kernel, stride), eager: errorsOf(square, other, stride) };
      const dice = new Dice(leaks);
      const noticed = rules.map(() => 0);
      const silent = rules.map(() => false);
      for (let n = 0; n < leaks; n++) {
        const leak = leakOf(square, dice, kernel, other, errors);
        rules.forEach(([, notices], r) => {
          const seen = notices(leak);
          if (seen === null) silent[r] = true;
          else if (seen) noticed[r]++;
        });
      }
      rules.forEach((_, r) => (found[r][column] = silent[r] ? null : noticed[r] / leaks));
      tell(`${column}: ${rules.map((_, r) => (silent[r] ? '-' : noticed[r])).join(' ')} of ${leaks}`);
    }
  }
  return { made: madeNow(), columns, trials, rows: rules.map(([rule], r) => ({ rule, found: found[r] })) };
}

function leakOf(
  square: Square,
  dice: Dice,
  kernel: Kernel,
  other: Kernel,
  errors: { readonly kernel: Errors; readonly eager: Errors },
): Leak {
  const i = dice.whole(0, square.side - 2);
  const j = dice.whole(i + 1, square.side - 1);
  const clean = rowOf(square, i);
  const c = rowOf(square, i, j);
  const { output, weights } = computed(c, kernel);
  const values = c.value.data.slice();
  for (let d = 1; d <= headDim; d++) values[values.length - d] = 4 * d - 130;
  const interval = (precision: Precision) => expectationOf(clean, bottomRight, precision).output;
  return {
    leaked: output,
    clean: computed(clean, kernel).output,
    due: exact(clean),
    weight: weights[weights.length - 1],
    intervened: computed({ ...c, value: { ...c.value, data: values } }, kernel).output,
    allowed: interval(kernel.precision),
    followed: kernel.precision.weights && interval(sure(kernel.precision)),
    ...errors,
    compared: computed(clean, other).output,
    dtype: square.dtype,
    side: square.side,
  };
}
