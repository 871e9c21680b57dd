import { sizesOf } from '../../../reference/case';
import type { AttentionCase, Conventions, FloatType, Mask, Sizes } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { boolTensor, floatTensor, intTensor } from '../../../reference/tensor';

/** A small generator with a seed (mulberry32): the same numbers in every run. */
export class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed;
  }
  /** in [0, 1) */
  unit(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  chance(share: number): boolean {
    return this.unit() < share;
  }
  /** from `low` to `high`, both included */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }
  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)];
  }
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }
}

export const bottomRight: Conventions = {
  causal: 'bottom_right',
  fullyMaskedRow: { boolean: 'zeros', finfo: 'uniform', inf: 'nan' },
  overlongKeys: 'trimmed',
  overlongRows: 'first',
};

export interface Wish {
  readonly dtype?: FloatType;
  readonly rotary?: boolean;
  /** How large the numbers of query, key and value are. */
  readonly amplitudes?: readonly [number, number, number];
  readonly maxKeys?: number;
  readonly bias?: number;
  /** The most query heads that share a key. */
  readonly groups?: number;
}

/** Any case at all: every rank, form, rule and bridge. */
export function randomCase(dice: Dice, wish: Wish = {}): AttentionCase {
  const dtype = wish.dtype ?? dice.pick(['float64', 'float32', 'float16', 'bfloat16'] as const);
  const numKvHeads = dice.whole(1, 2);
  const kvLen = dice.whole(1, wish.maxKeys ?? 6);
  const cross = !wish.rotary && dice.chance(0.1);
  const qLen = cross ? kvLen + dice.whole(1, 2) : dice.whole(1, kvLen);
  const rotary = !cross && (wish.rotary ?? dice.chance(0.3));
  const headDim = rotary ? 2 * dice.whole(1, 3) : dice.whole(1, 5);
  const sizes: Sizes = {
    batch: dice.whole(1, 2),
    numHeads: numKvHeads * dice.whole(1, wish.groups ?? 2),
    numKvHeads,
    qLen,
    kvLen,
    headDim,
    vHeadDim: dice.whole(1, 4),
  };
  const [forQuery, forKey, forValue] = wish.amplitudes ?? [1, 1, 1];
  const floats = (shape: readonly number[], amplitude: number) =>
    floatTensor(
      dtype,
      shape,
      numbers(shape, () => dice.normal() * amplitude),
    );
  const mask = dice.chance(0.8) ? randomMask(dice, sizes, dtype, wish.bias ?? 2) : undefined;
  const ruled = mask?.rank !== 4 && !cross;
  return {
    bridge: rotary ? 'rotary' : 'base',
    query: floats([sizes.batch, sizes.numHeads, qLen, headDim], forQuery),
    key: floats([sizes.batch, numKvHeads, kvLen, headDim], forKey),
    value: floats([sizes.batch, numKvHeads, kvLen, sizes.vHeadDim], forValue),
    mask,
    isCausal: !cross && dice.chance(0.5),
    scale: dice.chance(0.8) ? 1 / Math.sqrt(headDim) : dice.unit() * 2,
    softcap: dice.chance(0.15) ? 5 : undefined,
    rotary: rotary
      ? {
          rotaryDim: 2 * dice.whole(1, headDim / 2),
          base: 10000,
          layout: dice.pick(['half', 'interleaved'] as const),
          positionIds: intTensor(
            [sizes.batch, kvLen],
            numbers([sizes.batch, kvLen], () => dice.whole(0, 4095)),
          ),
        }
      : undefined,
    slidingWindow:
      ruled && dice.chance(0.3)
        ? { left: dice.whole(0, 2), right: dice.chance(0.5) ? dice.whole(0, 2) : undefined }
        : undefined,
    segments:
      ruled && dice.chance(0.3)
        ? intTensor(
            [sizes.batch, kvLen],
            numbers([sizes.batch, kvLen], () => dice.whole(0, 1)),
          )
        : undefined,
    want: {},
  };
}

/** Any case at all that asks for gradients. */
export function askingRandomly(dice: Dice, wish: Wish = {}): AttentionCase {
  const c = randomCase(dice, { groups: 4, ...wish });
  const { batch, numHeads, qLen, vHeadDim } = sizesOf(c);
  const shape = [batch, numHeads, qLen, vHeadDim];
  const gradOutput = floatTensor(
    c.query.dtype,
    shape,
    numbers(shape, () => dice.normal()),
  );
  return { ...c, want: { gradients: true }, gradOutput };
}

function randomMask(dice: Dice, sizes: Sizes, dtype: FloatType, bias: number): Mask {
  const rank = dice.pick([2, 3, 4] as const);
  const columns = sizes.kvLen + (dice.chance(0.2) ? 2 : 0);
  const rows = sizes.qLen + (dice.chance(0.2) ? sizes.kvLen : 0);
  const orOne = (length: number) => (dice.chance(0.5) ? 1 : length);
  const shape = {
    2: [sizes.batch, columns],
    3: [sizes.batch, rows, columns],
    4: [orOne(sizes.batch), orOne(sizes.numHeads), dice.chance(0.3) ? 1 : rows, columns],
  }[rank];
  const share = dice.pick([0.2, 0.6, 0.9]);
  const form =
    rank === 2 ? dice.pick(['boolean', 'additive', 'integer'] as const) : dice.pick(['boolean', 'additive'] as const);
  const kept = () => (dice.chance(share) ? 1 : 0);
  if (form === 'boolean') return { rank, form, tensor: boolTensor(shape, numbers(shape, kept)) };
  if (form === 'integer') return { rank: 2, form, tensor: intTensor(shape, numbers(shape, kept)) };
  const sentinel = dice.pick([-Infinity, finfo[dtype].lowest]);
  const cell = () => (kept() === 0 ? sentinel : dice.chance(0.5) ? 0 : dice.normal() * bias);
  return { rank, form, tensor: floatTensor(dtype, shape, numbers(shape, cell)) };
}

function numbers(shape: readonly number[], draw: () => number): number[] {
  return Array.from({ length: shape.reduce((product, length) => product * length, 1) }, draw);
}

/** Calls `visit` with every query and key. */
export function eachCell(
  c: AttentionCase,
  visit: (b: number, h: number, i: number, j: number, at: number) => void,
): void {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  let at = 0;
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < numHeads; h++)
      for (let i = 0; i < qLen; i++) for (let j = 0; j < kvLen; j++) visit(b, h, i, j, at++);
}
