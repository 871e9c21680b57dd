/** Values on the wire: numbers that JSON lacks, tensors, and reading them with the place of what is wrong. */
import type { BoolTensor, DType, FloatTensor, FloatType, IntTensor, Tensor } from '../../reference/case';

export type WireNumber = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';

/** Row-major. */
export interface WireTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly WireNumber[];
}

export const floatTypes: readonly FloatType[] = ['float64', 'float32', 'float16', 'bfloat16'];

/** A case that is not one: the message names the field, what stands there, and what may. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** NaN, the infinities and -0 as strings. */
export function numberToWire(x: number): WireNumber {
  if (Number.isNaN(x)) return 'NaN';
  if (x === Infinity) return 'Infinity';
  if (x === -Infinity) return '-Infinity';
  return Object.is(x, -0) ? '-0' : x;
}

const special: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

export function numberFromWire(x: unknown, at: string): number {
  if (typeof x === 'number') return x;
  const found = special.get(x);
  if (found === undefined)
    throw new WireError(`${at} is ${show(x)}; it is a number, or "NaN", "Infinity", "-Infinity" or "-0".`);
  return found;
}

export const tensorToWire = ({ dtype, shape, data }: Tensor): WireTensor => ({
  dtype,
  shape: [...shape],
  data: Array.from(data, numberToWire),
});

export function tensor(wire: unknown, at: string, dtypes: readonly FloatType[], rank: number): FloatTensor;
export function tensor(wire: unknown, at: string, dtypes: readonly ['bool'], rank: number): BoolTensor;
export function tensor(wire: unknown, at: string, dtypes: readonly ['int64'], rank: number): IntTensor;
export function tensor(wire: unknown, at: string, dtypes: readonly DType[], rank: number): Tensor {
  const w = record(wire, at);
  const dtype = oneOf(w.dtype, `${at}.dtype`, dtypes);
  if (!Array.isArray(w.shape) || !w.shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new WireError(`${at}.shape is ${show(w.shape)}; it is a list of sizes, 0 or more.`);
  const shape = w.shape as readonly number[];
  if (shape.length !== rank) throw new WireError(`${at}.shape is ${show(shape)}; it has ${rank} axes.`);
  if (!Array.isArray(w.data)) throw new WireError(`${at}.data is ${show(w.data)}; it is a flat list of numbers.`);
  const size = shape.reduce((product, n) => product * n, 1);
  if (w.data.length !== size)
    throw new WireError(`${at}.data has ${w.data.length} numbers; shape ${show(shape)} holds ${size}.`);
  const data = w.data as readonly unknown[];
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from(data, (x, n) => bit(x, `${at}.data[${n}]`)) };
  const numbers = Float64Array.from(data, (x, n) => numberFromWire(x, `${at}.data[${n}]`));
  if (dtype !== 'int64') return { dtype, shape, data: numbers };
  const odd = numbers.findIndex((x) => !Number.isInteger(x));
  if (odd >= 0) throw new WireError(`${at}.data[${odd}] is ${show(data[odd])}; it is a whole number.`);
  return { dtype, shape, data: numbers };
}

function bit(x: unknown, at: string): number {
  if (x === 0 || x === false) return 0;
  if (x === 1 || x === true) return 1;
  throw new WireError(`${at} is ${show(x)}; it is 0 or 1.`);
}

export function record(wire: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire))
    throw new WireError(wire === undefined ? `${at} is missing.` : `${at} is ${show(wire)}; it is an object.`);
  return wire as Readonly<Record<string, unknown>>;
}

export function oneOf<const T>(x: unknown, at: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === x);
  if (found === undefined) throw new WireError(`${at} is ${show(x)}; it is one of ${choices.map(show).join(', ')}.`);
  return found;
}

export function bool(x: unknown, at: string): boolean {
  if (typeof x !== 'boolean') throw new WireError(`${at} is ${show(x)}; it is true or false.`);
  return x;
}

export function whole(x: unknown, at: string): number {
  if (typeof x !== 'number' || !Number.isInteger(x) || x < 0)
    throw new WireError(`${at} is ${show(x)}; it is a whole number, 0 or more.`);
  return x;
}

/** A value as it would stand in the file, cut to a readable length. */
export function show(x: unknown): string {
  const text = JSON.stringify(x) ?? 'missing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
