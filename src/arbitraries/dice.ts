import type { Random } from 'fast-check';

/**
 * A fast generator (sfc32) seeded with three draws of fast-check's. Everything in a case comes from one of these: the seeds are
 * independent of the values drawn before them, so no choice shifts another, and filling a tensor costs nanoseconds a number.
 */
export class Dice {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(a: number, b: number, c: number) {
    this.a = a | 0;
    this.b = b | 0;
    this.c = c | 0;
    this.d = 1;
    // The first numbers of close seeds are close.
    for (let n = 0; n < 6; n++) this.bits();
  }

  static from(mrng: Random): Dice {
    const draw = (): number => mrng.nextInt(-0x80000000, 0x7fffffff);
    return new Dice(draw(), draw(), draw());
  }

  /** 32 random bits, as a signed number. */
  bits(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t;
  }

  /** In [0, 1). */
  unit(): number {
    return (this.bits() >>> 0) / 0x100000000;
  }

  /** A whole number, both ends included. */
  int(min: number, max: number): number {
    return max <= min ? min : min + Math.floor(this.unit() * (max - min + 1));
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)];
  }
}
