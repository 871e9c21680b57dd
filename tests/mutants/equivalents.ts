/** Attention computed in ways that look odd and are right: none of these may ever be flagged. */
import type { AttentionCase, EmptyRow, FloatType } from '../../reference/case';
import type { Precision } from '../../reference/precision';
import { sizesOf } from '../../reference/case';
import type { Backend, Supports } from '../../src/backend';
import { Attention, backendOf, Refused, indices, largest, rounded, sum, vector } from './base';
import type { Row, Step, View } from './base';

export interface Equivalent {
  readonly name: string;
  /** Why it is right. */
  readonly because: string;
  readonly link?: string;
  readonly backend: Backend;
}

function equivalent(
  name: string,
  because: string,
  Kernel: new () => Attention,
  supports: Partial<Supports> = {},
  link?: string,
): Equivalent {
  return { name, because, ...(link ? { link } : {}), backend: backendOf(name, Kernel, supports) };
}

const fround = Math.fround;

/** Every operation rounded to float32, sums in the order that `order` gives. */
function inFloat32(order: (xs: Row) => number): new () => Attention {
  return class extends Attention {
    override rotate(...[rotary, x, position]: Parameters<Attention['rotate']>) {
      return super.rotate(rotary, x, position).map(fround);
    }
    override score(c: AttentionCase, query: Row, key: Row) {
      const dot = order(query.map((q, d) => fround(q * key[d])));
      return fround(this.capped(c, fround(dot * fround(c.scale))));
    }
    override capped(c: AttentionCase, score: number) {
      const cap = c.softcap;
      return cap === undefined ? score : fround(cap * fround(Math.tanh(fround(score / fround(cap)))));
    }
    override masked(...args: Parameters<Attention['masked']>) {
      return fround(super.masked(...args));
    }
    override softmax(logits: Row) {
      const top = Math.max(...logits);
      const powers = logits.map((x) => fround(Math.exp(fround(x - top))));
      const total = order(powers.filter((p) => p !== 0));
      return powers.map((p) => fround(p / total));
    }
    override combine(_c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
      return indices(vHeadDim).map((d) =>
        order(weights.flatMap((w, j) => (w === 0 ? [] : [fround(w * values[j][d])]))),
      );
    }
  };
}

const forwards = (xs: Row): number => xs.reduce((a, b) => fround(a + b), 0);
const backwards = (xs: Row): number => xs.reduceRight((a, b) => fround(a + b), 0);
const pairwise = (xs: Row): number => {
  if (xs.length < 2) return xs[0] ?? 0;
  const middle = xs.length >> 1;
  return fround(pairwise(xs.slice(0, middle)) + pairwise(xs.slice(middle)));
};
const lanes = (xs: Row): number => pairwise(indices(4).map((lane) => forwards(xs.filter((_, n) => n % 4 === lane))));

/** float64 inside, IEEE division, an exp that is off by an ulp at the most, and the answer rounded once. */
function exactly(dtype: FloatType): Precision {
  return {
    accumulate: { type: 'float64' },
    scale: { roundings: 2 },
    exp: { relative: 2 ** -51, tiny: 2 ** -1074 },
    divide: 1,
    output: dtype,
    rotary: { angle: 2 ** -53, trig: 4, pow: 4 },
  };
}

/** A mask that keeps everything is left away, and other code, which sums from the other end, is taken without one. */
class WithoutFullMask extends inFloat32(forwards) {
  private readonly other = new (inFloat32(backwards))();
  override run(c: AttentionCase) {
    const { mask } = c;
    const drops = mask?.tensor.data.some((x) => (mask.form === 'additive' ? x !== 0 : x !== 1)) ?? false;
    return drops ? super.run(c) : this.other.run(c);
  }
}

/** Half precision step by step, as eager code has it: three stored scores, a softmax in float32, stored weights. */
class Eager extends inFloat32(pairwise) {
  private dtype: FloatType = 'float32';
  override run(c: AttentionCase) {
    this.dtype = c.query.dtype;
    return super.run(c);
  }
  override rotate(...[rotary, x, position]: Parameters<Attention['rotate']>) {
    return super.rotate(rotary, x, position).map((y) => rounded(this.dtype, y));
  }
  override score(c: AttentionCase, query: Row, key: Row) {
    const dot = rounded(this.dtype, pairwise(query.map((q, d) => fround(q * key[d]))));
    return rounded(this.dtype, fround(dot * fround(c.scale)));
  }
  override masked(...args: Parameters<Attention['masked']>) {
    return rounded(this.dtype, super.masked(...args));
  }
  override softmax(logits: Row) {
    return super.softmax(logits).map((p) => rounded(this.dtype, p));
  }
}

/** What it declares; `sure` says that each of these roundings does happen. */
function eagerly(type: FloatType, sure: boolean): Precision {
  const store = { type, ...(sure ? { sure: true } : {}) } as const;
  return {
    accumulate: { type: 'float32' },
    scale: { roundings: 2 },
    dot: store,
    scaled: store,
    masked: store,
    exp: { relative: 2 ** -22, tiny: 2 ** -125 },
    divide: 2,
    weights: { ...store, normalised: true, inSum: false },
    output: type,
    rotary: { angle: 2 ** -24, trig: 4, pow: 4, table: type, rotated: type },
  };
}

function eager(sure: boolean): Partial<Supports> {
  return {
    dtypes: ['float16', 'bfloat16'],
    softcap: false,
    precision: { float16: eagerly('float16', sure), bfloat16: eagerly('bfloat16', sure) },
  };
}

/** float64 is not what these emulate. */
const narrow: Partial<Supports> = { dtypes: ['float32', 'float16', 'bfloat16'] };

export const equivalents: readonly Equivalent[] = [
  equivalent('base', 'It is the attention that every mutant is made from.', Attention),
  equivalent(
    'base-declared-exactly',
    'The same, declared as it is: float64 inside whatever the dtype, and one rounding at the end.',
    Attention,
    { precision: { float32: exactly('float32'), float16: exactly('float16'), bfloat16: exactly('bfloat16') } },
  ),
  equivalent(
    'one-for-kept-keys',
    'A boolean mask becomes 1 and -inf: the 1 is common to all kept keys of a row and cancels.',
    class extends Attention {
      override bias(...[c, mask, b, h, i, j]: Parameters<Attention['bias']>) {
        return c.mask?.form === 'additive' ? super.bias(c, mask, b, h, i, j) : 1;
      }
    },
    { ...narrow, returns: ['output', 'weights', 'gradients'] },
    'https://github.com/tinygrad/tinygrad/pull/2425',
  ),
  equivalent(
    'filled-with-finfo-min',
    'Dropped scores become the smallest number of the type, which leaves them no weight; empty rows are uniform, as declared.',
    class extends Attention {
      override masked(...[c, mask, x, b, h, i, j]: Parameters<Attention['masked']>) {
        return this.keeps(c, mask, b, h, i, j) ? super.masked(c, mask, x, b, h, i, j) : -largest[c.query.dtype];
      }
    },
    { fullyMaskedRow: 'uniform', poison: undefined, dtypes: ['float32', 'bfloat16', 'float64'] },
  ),
  equivalent(
    'finfo-min-added',
    'The smallest number is added to dropped scores; nothing is declared about rows that keep no key.',
    class extends Attention {
      override masked(...[c, mask, x, b, h, i, j]: Parameters<Attention['masked']>) {
        if (this.keeps(c, mask, b, h, i, j)) return super.masked(c, mask, x, b, h, i, j);
        return rounded('float32', Math.max(x - largest.float32, -largest.float32));
      }
    },
    { fullyMaskedRow: 'unspecified', poison: undefined, dtypes: ['float32'] },
  ),
  equivalent(
    'nan-for-empty-rows',
    'NaN is what it declares for rows that keep no key.',
    class extends Attention {
      override emptyRow(): EmptyRow {
        return 'nan';
      }
    },
    { fullyMaskedRow: 'nan' },
  ),
  equivalent(
    'contract-by-form',
    'Rows that keep no key are zeros, uniform or NaN by the form of the mask, as declared.',
    class extends Attention {
      override emptyRow(c: AttentionCase): EmptyRow {
        if (c.mask?.form !== 'additive') return 'zeros';
        const { data, dtype } = c.mask.tensor;
        if (data.includes(-largest[dtype])) return 'uniform';
        return data.includes(-Infinity) ? 'nan' : 'zeros';
      }
    },
    { fullyMaskedRow: { boolean: 'zeros', finfo: 'uniform', inf: 'nan' } },
  ),
  equivalent(
    'infinities-in-the-scores',
    'Hooks see -inf in dropped cells, as declared.',
    class extends Attention {
      override shownScores(_c: AttentionCase, logits: Row) {
        return logits;
      }
    },
    { scoreSentinel: '-inf' },
  ),
  equivalent(
    'online-softmax',
    'Tiles of eight keys with a running maximum, rescaled when it moves.',
    class extends Attention {
      override softmax(logits: Row) {
        const powers: Row = [];
        let top = -Infinity;
        for (let start = 0; start < logits.length; start += 8) {
          const tile = logits.slice(start, start + 8);
          const next = Math.max(top, ...tile);
          if (next === -Infinity) {
            powers.push(...tile.map(() => 0));
            continue;
          }
          const shrink = Math.exp(top - next);
          powers.forEach((p, n) => (powers[n] = p * shrink));
          powers.push(...tile.map((x) => Math.exp(x - next)));
          top = next;
        }
        return powers.map((p) => p / sum(powers));
      }
    },
    narrow,
  ),
  equivalent(
    'divided-at-the-end',
    'The values are summed with unnormalised weights and divided once.',
    class extends Attention {
      override combine(...[c, weights, values, vHeadDim]: Parameters<Attention['combine']>) {
        const total = sum(weights);
        if (!(total > 0)) return super.combine(c, weights, values, vHeadDim);
        return super
          .combine(
            c,
            weights.map((w) => w * 3),
            values,
            vHeadDim,
          )
          .map((x) => x / (3 * total));
      }
    },
    narrow,
  ),
  equivalent(
    'powers-of-two',
    'exp(x) is computed as 2^(x log2 e).',
    class extends Attention {
      override softmax(logits: Row) {
        const top = Math.max(...logits);
        const powers = logits.map((x) => (x === -Infinity ? 0 : 2 ** ((x - top) * Math.LOG2E)));
        return powers.map((p) => p / sum(powers));
      }
    },
    narrow,
  ),
  equivalent(
    'scale-on-both-sides',
    'Query and key are each multiplied by the root of the scale.',
    class extends Attention {
      override score(c: AttentionCase, query: Row, key: Row) {
        const root = Math.sqrt(c.scale);
        return this.capped(c, sum(query.map((q, d) => q * root * (key[d] * root))));
      }
    },
  ),
  equivalent('float32-forwards', 'float32 throughout, sums from the first key.', inFloat32(forwards), narrow),
  equivalent('float32-backwards', 'float32 throughout, sums from the last key.', inFloat32(backwards), narrow),
  equivalent('float32-pairwise', 'float32 throughout, sums by halves.', inFloat32(pairwise), narrow),
  equivalent('float32-in-lanes', 'float32 throughout, sums in four lanes.', inFloat32(lanes), narrow),
  equivalent(
    'full-mask-left-away',
    'A mask that keeps every key is left away, and the sum goes the other way without one.',
    WithoutFullMask,
    narrow,
    'https://github.com/huggingface/transformers/blob/main/src/transformers/masking_utils.py',
  ),
  equivalent('half-step-by-step', 'Half precision, stored after every step, declared as at most.', Eager, eager(false)),
  equivalent('half-followed', 'The same, and the stores are declared to happen for sure.', Eager, eager(true)),
  equivalent(
    'additive-mask-added-for-show',
    'Hooks see the score plus the mask, sentinel included: that is what the caller gave.',
    class extends Attention {
      private shown: Row = [];
      override masked(...[c, mask, x, b, h, i, j]: Parameters<Attention['masked']>) {
        const cell = mask && c.mask?.form === 'additive' ? this.cell(c, mask, b, h, i, j) : 0;
        const given = mask !== undefined && c.mask?.form === 'additive' && !this.cellKeeps(c, cell);
        this.shown[j] = given ? x + cell : -Infinity;
        return super.masked(c, mask, x, b, h, i, j);
      }
      override shownScores(...[c, logits, weights, plain]: Parameters<Attention['shownScores']>) {
        const given = this.shown.slice(0, logits.length);
        return super
          .shownScores(c, logits, weights, plain)
          .map((x, j) => (logits[j] === -Infinity && plain[j] + given[j] !== -Infinity ? given[j] : x));
      }
    },
    narrow,
  ),
  equivalent(
    'caller-infinities-stay',
    'A -inf that the caller gave stays one in the scores; all else that is dropped shows the declared sentinel.',
    class extends Attention {
      private given: boolean[] = [];
      override masked(...[c, mask, x, b, h, i, j]: Parameters<Attention['masked']>) {
        this.given[j] = mask !== undefined && this.cell(c, mask, b, h, i, j) === -Infinity;
        return super.masked(c, mask, x, b, h, i, j);
      }
      override shownScores(...[c, logits, weights, plain]: Parameters<Attention['shownScores']>) {
        return super
          .shownScores(c, logits, weights, plain)
          .map((x, j) => (this.given[j] && logits[j] === -Infinity ? -Infinity : x));
      }
    },
  ),
  equivalent(
    'any-order-each-time',
    'The order of a sum changes from call to call, and neither bits nor determinism are declared.',
    class extends Attention {
      private calls = 0;
      override run(c: AttentionCase) {
        this.calls += 1;
        return super.run(c);
      }
      override softmax(logits: Row) {
        const step = this.calls % 2 === 0 ? 2 ** -25 : 0;
        return super.softmax(logits).map((p) => p * (1 + step));
      }
    },
    { ...narrow, bitwise: 'never', deterministic: false },
  ),
  equivalent(
    'top-left-as-declared',
    'The triangle starts at the first key, as declared.',
    class extends Attention {
      override position(_c: AttentionCase, i: number) {
        return i;
      }
      override query(...[c, b, h, i]: Parameters<Attention['query']>) {
        const offset = c.key.shape[2] - c.query.shape[2];
        const size = c.query.shape[3];
        const start = ((b * c.query.shape[1] + h) * c.query.shape[2] + i) * size;
        return this.turned(c, Array.from(c.query.data.subarray(start, start + size)), b, i + offset);
      }
    },
    { causal: 'top_left' },
  ),
  equivalent(
    'boolean-4d-only',
    'It takes a boolean 4D mask and nothing else, and declares nothing else.',
    class extends Attention {
      override validate(c: AttentionCase) {
        super.validate(c);
        const [, , rows, columns] = c.mask?.tensor.shape ?? [];
        const { qLen, kvLen } = sizesOf(c);
        if (columns > kvLen || rows > Math.max(1, qLen)) throw new Refused('The mask is longer than the keys.');
      }
    },
    {
      bridges: ['base'],
      dtypes: ['float32'],
      maskRanks: [4],
      maskForms: ['boolean'],
      causal: 'none',
      bidirectional: true,
      groupedHeads: false,
      cache: false,
      crossLength: false,
      valueDim: false,
      scale: false,
      slidingWindow: false,
      segments: false,
      softcap: false,
      layouts: false,
      overlongKeys: 'refused',
      overlongRows: 'error',
      returns: ['output'],
      poison: undefined,
      scoreSentinel: undefined,
    },
  ),
  equivalent(
    'first-rows-as-declared',
    'Of a mask with more rows than queries the first ones count, as declared.',
    class extends Attention {
      override maskRow(_c: AttentionCase, rows: number, i: number) {
        return rows === 1 ? 0 : i;
      }
    },
    { overlongRows: 'first' },
  ),
  equivalent(
    'weights-rebuilt-backwards',
    'The backward pass computes the weights again from the logarithm of their sum, and takes the mean from the output.',
    class extends Attention {
      override weightsAgain({ logits, w }: Step) {
        const top = Math.max(...logits);
        if (top === -Infinity) return w;
        const log = top + Math.log(sum(logits.map((x) => Math.exp(x - top))));
        return logits.map((x) => Math.exp(x - log));
      }
      override ofScores({ c, b, h, i, w, values }: Step, weights: Row, ofWeights: Row) {
        const output = this.combine(c, w, values, c.value.shape[3]).map((x) => rounded(c.query.dtype, x));
        const ofOutput = c.gradOutput ? vector(c.gradOutput, b, h, i) : [];
        const mean = sum(output.map((x, d) => x * ofOutput[d]));
        return weights.map((p, j) => (p === 0 ? 0 : p * (ofWeights[j] - mean)));
      }
    },
    narrow,
  ),
  equivalent(
    'gradient-as-a-difference',
    'The gradient of a score is w g - w mean, each stored, instead of w (g - mean).',
    class extends Attention {
      override ofScores(_step: Step, weights: Row, ofWeights: Row) {
        const products = weights.map((w, j) => (w === 0 ? 0 : fround(fround(w) * fround(ofWeights[j]))));
        const mean = forwards(products);
        return products.map((x, j) => fround(x - fround(fround(weights[j]) * mean)));
      }
    },
    narrow,
  ),
  equivalent(
    'any-shape-bit-for-bit',
    'It sums every row by itself, so that calls of any shape agree, as declared.',
    Attention,
    { bitwise: 'always' },
  ),
  equivalent(
    'mask-read-twice',
    'The mask is applied before and after the cap: dropping twice drops once.',
    class extends Attention {
      override masked(
        ...[c, mask, x, b, h, i, j]: [AttentionCase, View | undefined, number, number, number, number, number]
      ) {
        const once = this.keeps(c, mask, b, h, i, j) ? x : -Infinity;
        return super.masked(c, mask, once, b, h, i, j);
      }
    },
  ),
];
