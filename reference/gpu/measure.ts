/**
 * How an engine really computes on the device that is here. What a specification leaves open (the rounding mode, subnormals) and what a driver
 * does unasked (TF32) decides how wide the radius has to be: it is measured, not assumed.
 */
import type { Precision } from '../precision';
import type { TensorFlow } from './attention';

export interface Measured {
  /** The largest relative error of an operand of a matrix product: 0 in float32, 2^-11 in TF32, 2^-8 in bfloat16. */
  readonly inputs: number;
  /** Subnormal numbers became zero somewhere. */
  readonly flush: boolean;
  /** Sums and products are the nearest float32, ties to even. */
  readonly nearest: boolean;
  /** The largest relative error of a weight's exponential, in roundoffs of float32, and the argument it was seen at. */
  readonly exp: { readonly roundoffs: number; readonly at: number };
}

/** Matrices of the size that GPU kernels are tuned for: a small one might take another road than those of a run. */
const batch = 8;
const size = 64;
const unit = 2 ** -24;

/** A few small launches on the current engine. */
export async function measure(tf: TensorFlow, use: () => void): Promise<Measured> {
  const random = generator(20261125);
  const fraction = (): number => Math.fround(1 + random());
  const matrices = (at: (b: number, i: number, j: number) => number): Float32Array =>
    Float32Array.from({ length: batch * size * size }, (_, n) =>
      at(Math.floor(n / size / size), Math.floor(n / size) % size, n % size),
    );
  const diagonal = (d: (j: number) => number) => matrices((_, i, j) => (i === j ? d(j) : 0));

  // Times the identity: what is different afterwards was lost on the way in.
  const plain = matrices(() => fraction());
  const tiny = matrices(() => Math.fround(fraction() * 2 ** -130));
  // One product an element.
  const factors = Float32Array.from({ length: size }, () => fraction());
  // One sum an element: x and y in two places of a row, with exponents up to 2^12 apart so that float64 has their sum exactly.
  const x = matrices(() => fraction());
  const y = matrices(() => Math.fround(fraction() * 2 ** -Math.floor(random() * 12)));
  const pairs = matrices((b, i, j) => (j === 2 ? x[(b * size + i) * size] : j === 7 ? y[(b * size + i) * size] : 0));
  const arguments_ = Float32Array.from({ length: 1024 }, (_, n) => (n * 87) / 1024);

  const product = (a: Float32Array, b: Float32Array): Promise<Float32Array> => {
    use();
    const shape: [number, number, number] = [batch, size, size];
    const result = tf.tidy(() => tf.matMul(tf.tensor3d(a, shape), tf.tensor3d(b, shape)));
    return read(result);
  };
  const identity = diagonal(() => 1);
  const throughPlain = await product(plain, identity);
  const throughTiny = await product(tiny, identity);
  const products = await product(plain, diagonal((j) => factors[j])); // prettier-ignore
  const sums = await product(pairs, matrices(() => 1)); // prettier-ignore
  use();
  const weights = await read(
    tf.tidy(() => {
      const rows = Float32Array.from({ length: 2 * arguments_.length }, (_, n) =>
        n % 2 === 0 ? 0 : -arguments_[n >> 1],
      );
      return tf.softmax(tf.tensor3d(rows, [arguments_.length, 1, 2]));
    }),
  );

  const inputs = Math.max(...Array.from(plain, (was, n) => Math.abs(throughPlain[n] / was - 1)));
  const flush = tiny.some((was, n) => was !== 0 && throughTiny[n] === 0);
  const isNearest =
    products.every((got, n) => got === Math.fround(plain[n] * factors[n % size])) &&
    sums.every((got, n) => {
      const row = Math.floor(n / size) * size;
      return got === Math.fround(x[row] + y[row]);
    });
  let exp = { roundoffs: 0, at: 0 };
  arguments_.forEach((argument, n) => {
    const ratio = weights[2 * n + 1] / weights[2 * n];
    const roundoffs = Math.abs(ratio / Math.exp(-argument) - 1) / unit;
    if (roundoffs > exp.roundoffs) exp = { roundoffs, at: -argument };
  });
  return { inputs, flush, nearest: isNearest, exp };
}

async function read(tensor: { data(): Promise<ArrayLike<number>>; dispose(): void }): Promise<Float32Array> {
  try {
    return Float32Array.from(await tensor.data());
  } finally {
    tensor.dispose();
  }
}

/** 0 .. 1 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What was declared for any device, made to fit the one that was measured: sharper where it rounds to nearest, wider where it cuts its inputs. */
export function precisionOn(declared: Precision, { inputs, nearest }: Measured): Precision {
  const { unitRoundoff = undefined, ...accumulate } = declared.accumulate;
  const { inputs: cut = undefined, ...rest } = declared;
  const isExact = inputs === 0;
  return {
    ...rest,
    // A device that cuts its inputs shows nothing of how it rounds.
    accumulate: nearest || unitRoundoff === undefined ? accumulate : { ...accumulate, unitRoundoff },
    ...(isExact
      ? {}
      : { inputs: { relative: Math.max(2 ** Math.ceil(Math.log2(inputs)), cut?.relative ?? 0), tiny: 2 ** -126 } }),
  };
}

/** Why an engine computes less well than its precision says; undefined where it keeps its word. */
export function breaks(precision: Precision, { inputs, flush, nearest, exp }: Measured): string | undefined {
  if (inputs > (precision.inputs?.relative ?? 0))
    return `an operand of a matrix product lost ${inputs.toExponential(1)} of itself (TF32 loses ${(2 ** -11).toExponential(1)}), where ${precision.inputs?.relative.toExponential(1) ?? 'nothing'} is declared`;
  if (flush && precision.accumulate.flush !== true) return 'subnormal numbers become zero, which is not declared';
  if (!nearest && inputs === 0 && precision.accumulate.unitRoundoff === undefined)
    return 'a sum or a product is not the nearest float32, which is not declared';
  const { relative, perUnit = 0 } = precision.exp;
  // Two exponentials and two divisions make the ratio of two weights.
  const allowed = (2 * relative + perUnit * Math.abs(exp.at)) / unit + 2 * precision.divide + 1;
  if (!(exp.roundoffs <= allowed))
    return `exp(${exp.at.toFixed(2)}) is ${exp.roundoffs.toFixed(1)} roundoffs off, where ${allowed.toFixed(1)} are declared`;
  return undefined;
}

/** In a few words, for reports: "float32", "float32, subnormals flushed, products of TF32". */
export function describePrecision({ inputs, flush, nearest }: Measured): string {
  return [
    'float32',
    ...(inputs === 0 ? [] : [inputs > 2 ** -10 ? 'products of bfloat16' : 'products of TF32']),
    ...(flush ? ['subnormals flushed'] : []),
    ...(nearest || inputs > 0 ? [] : ['not rounded to nearest']),
  ].join(', ');
}
