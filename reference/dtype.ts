import type { FloatType } from './case';

/** A binary floating format as numbers. */
export interface Finfo {
  /** Unit roundoff: half the distance from 1 to the next number. */
  readonly u: number;
  /** Half the smallest subnormal: what rounding may lose when it underflows gradually. (For float64 the smallest subnormal: half of it is no number.) */
  readonly tiny: number;
  /** The smallest normal number. */
  readonly min: number;
  readonly max: number;
  /** finfo.min as libraries write it: -max, the sentinel of additive masks. */
  readonly lowest: number;
  /** Bits of the significand, the hidden one included. */
  readonly digits: number;
}

function format(digits: number, smallestExponent: number, max: number): Finfo {
  const min = 2 ** smallestExponent;
  const u = 2 ** -digits;
  return { u, tiny: Math.max(min * u, Number.MIN_VALUE), min, max, lowest: -max, digits };
}

export const finfo: Readonly<Record<FloatType, Finfo>> = {
  float64: format(53, -1022, Number.MAX_VALUE),
  float32: format(24, -126, (2 - 2 ** -23) * 2 ** 127),
  float16: format(11, -14, 65504),
  bfloat16: format(8, -126, (2 - 2 ** -7) * 2 ** 127),
};

// The exponent of a double is read off, and powers of two are made, through its upper word.
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;
const BIAS = 1023;
const FRACTION_BITS = 52;

/** 2^e, for e in [-1022, 1023]. */
function power(e: number): number {
  words[1 - UPPER] = 0;
  words[UPPER] = (e + BIAS) << 20;
  return double[0];
}

/** floor(log2 |x|) of a normal double; -1023 for a subnormal one and for 0. */
function exponent(x: number): number {
  double[0] = x;
  return ((words[UPPER] >>> 20) & 0x7ff) - BIAS;
}

/** The distance between the numbers of `type` around |x|. */
function spacing(x: number, f: Finfo): number {
  return Math.max(power(Math.max(exponent(x), -1022)) * 2 * f.u, f.digits === 53 ? Number.MIN_VALUE : 2 * f.tiny);
}

/**
 * `x` correctly rounded to nearest even, straight from float64 (float32 in between would round twice).
 * Added to 1.5 x 2^52 spacings, a double keeps whole spacings and nothing else, and halfway goes to the even one.
 */
export function round(x: number, type: FloatType): number {
  if (type === 'float64') return x;
  if (type === 'float32') return Math.fround(x);
  if (!Number.isFinite(x) || x === 0) return x;
  const f = type === 'float16' ? finfo.float16 : finfo.bfloat16;
  const size = Math.abs(x);
  const shift = spacing(size, f) * (1.5 * 2 ** FRACTION_BITS);
  const rounded = size < 2 * f.max ? size + shift - shift : Infinity;
  const bounded = rounded > f.max ? Infinity : rounded;
  return x < 0 ? -bounded : bounded;
}

/** The largest number of `type` that is not above `x`. */
export function roundDown(x: number, type: FloatType): number {
  const near = round(x, type);
  if (!(near > x)) return near;
  const f = finfo[type];
  if (near === Infinity) return f.max;
  // Below a power of two the numbers lie closer; x is above that neighbour, since it rounded up.
  return near - (near > 0 ? spacing(near * (1 - f.u), f) : spacing(near, f));
}

/** The smallest number of `type` that is not below `x`. */
export function roundUp(x: number, type: FloatType): number {
  return -roundDown(-x, type);
}

/** Half a unit in the last place of `type` at |x|, subnormals included. */
export function halfUlp(x: number, type: FloatType): number {
  const f = finfo[type];
  return Math.max(power(Math.max(exponent(x), -1022)) * f.u, f.tiny);
}

/** Rounds every number of `data` to `type`, in place; returns it. */
export function roundAll(data: Float64Array, type: FloatType): Float64Array {
  if (type === 'float64') return data;
  if (type === 'float32') for (let n = 0; n < data.length; n++) data[n] = Math.fround(data[n]);
  else for (let n = 0; n < data.length; n++) data[n] = round(data[n], type);
  return data;
}
