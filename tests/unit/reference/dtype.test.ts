import { f16round } from '@petamoriken/float16';
import { describe, expect, it } from 'vitest';
import { finfo, halfUlp, round, roundAll, roundDown, roundUp } from '../../../reference/dtype';
import type { FloatType } from '../../../reference/case';
import { Dice } from './random-case';

/** Every finite number of a 16-bit type that is not negative, ascending: read off its bits. */
function allOf(type: 'float16' | 'bfloat16'): number[] {
  const fractionBits = finfo[type].digits - 1;
  const smallest = finfo[type].min;
  const top = type === 'float16' ? 31 : 255;
  return Array.from({ length: top << fractionBits }, (_, bits) => {
    const exponent = bits >> fractionBits;
    const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits);
    return exponent === 0 ? fraction * smallest : (1 + fraction) * smallest * 2 ** (exponent - 1);
  });
}

/** The neighbouring double. */
function next(x: number, up: boolean): number {
  const bits = new BigInt64Array(new Float64Array([x]).buffer);
  bits[0] += up ? 1n : -1n;
  return new Float64Array(bits.buffer)[0];
}

describe.each(['float16', 'bfloat16'] as const)('rounding to %s', (type) => {
  const all = allOf(type);

  it('keeps every number of the type', () => {
    expect(all.at(-1)).toBe(finfo[type].max);
    expect(all.every((x) => Object.is(round(x, type), x) && Object.is(round(-x, type), -x))).toBe(true);
  });

  it('rounds every halfway point to even, and its neighbouring doubles to the nearer number', () => {
    const wrong: number[] = [];
    for (let n = 0; n + 1 < all.length; n++) {
      const [low, high] = [all[n], all[n + 1]];
      const halfway = (low + high) / 2;
      const even = n % 2 === 0 ? low : high;
      if (round(halfway, type) !== even || round(-halfway, type) !== -even) wrong.push(halfway);
      if (round(next(halfway, false), type) !== low || round(next(halfway, true), type) !== high) wrong.push(halfway);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds down and up to the numbers around', () => {
    const wrong: number[] = [];
    for (let n = 0; n + 1 < all.length; n++) {
      const [low, high] = [all[n], all[n + 1]];
      for (const share of [0.25, 0.5, 0.75]) {
        const x = low + share * (high - low);
        if (roundDown(x, type) !== low || roundUp(x, type) !== high) wrong.push(x);
        if (roundDown(-x, type) !== -high || roundUp(-x, type) !== -low) wrong.push(-x);
      }
      if (roundDown(low, type) !== low || roundUp(low, type) !== low) wrong.push(low);
    }
    expect(wrong).toEqual([]);
  });

  it('overflows from half a step above the largest number on', () => {
    const { max, u } = finfo[type];
    const limit = max + halfUlp(max, type);
    expect(halfUlp(max, type)).toBe(2 ** Math.floor(Math.log2(max)) * u);
    expect([round(next(limit, false), type), round(limit, type), round(1e300, type)]).toEqual([
      max,
      Infinity,
      Infinity,
    ]);
    expect([round(-Infinity, type), round(NaN, type), round(-0, type)]).toEqual([-Infinity, NaN, -0]);
    expect(roundDown(1e300, type)).toBe(max);
  });

  it('underflows to zero with its sign', () => {
    expect([round(1e-300, type), round(-1e-300, type), round(-5e-324, type)]).toEqual([0, -0, -0]);
  });
});

describe('rounding', () => {
  it('agrees with the float16 package on random doubles', () => {
    const dice = new Dice(1);
    for (let n = 0; n < 20_000; n++) {
      const x = dice.normal() * 2 ** dice.whole(-30, 18);
      expect(Object.is(round(x, 'float16'), f16round(x))).toBe(true);
    }
  });

  it('does not round twice', () => {
    // Just above halfway between two numbers: float32 in between would make it the halfway point.
    expect(round(1 + 2 ** -11 + 2 ** -40, 'float16')).toBe(1 + 2 ** -10);
    expect(round(1 + 2 ** -8 + 2 ** -40, 'bfloat16')).toBe(1 + 2 ** -7);
  });

  it('rounds whole arrays in place', () => {
    const data = Float64Array.of(0.1, -0.1, 1e10);
    expect(roundAll(data, 'float32')).toBe(data);
    expect([...data]).toEqual([0.1, -0.1, 1e10].map(Math.fround));
    expect([...roundAll(Float64Array.of(0.1, 1e10), 'float16')]).toEqual([round(0.1, 'float16'), Infinity]);
  });

  it('knows the limits that libraries print', () => {
    expect(finfo.float32.lowest).toBe(-3.4028234663852886e38);
    expect(finfo.bfloat16.lowest).toBe(-3.3895313892515355e38);
    expect(finfo.float16).toMatchObject({ lowest: -65504, u: 2 ** -11, tiny: 2 ** -25, min: 2 ** -14 });
    expect(finfo.float64).toMatchObject({ u: 2 ** -53, min: 2 ** -1022, max: Number.MAX_VALUE });
  });

  it.each([
    ['float32', 1, 2 ** -24],
    ['float16', 65504, 16],
    ['float16', 2 ** -24, 2 ** -25],
    ['bfloat16', 3, 2 ** -7],
    ['float64', 1, 2 ** -53],
    ['float32', 0, 2 ** -150],
  ] as const)('half an ulp of %s at %d is %d', (type: FloatType, x, half) => {
    expect(halfUlp(x, type)).toBe(half);
  });
});
