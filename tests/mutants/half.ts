/** Half precision: numbers that do not fit, and roundings that nobody declared. */
import { f16round } from '@petamoriken/float16';
import type { AttentionCase, FloatType, Rotary } from '../../reference/case';
import { Attention, rounded } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

const halves: readonly FloatType[] = ['float16', 'bfloat16'];

/** The upper 16 bits of a float32: towards zero, not to nearest. */
function truncated(x: number): number {
  const words = new Float32Array([x]);
  const bits = new Uint32Array(words.buffer);
  bits[0] &= 0xffff0000;
  return words[0];
}

/** The bits of a bfloat16 read as if they were a float16. */
function misread(x: number): number {
  const bits = new Uint32Array(new Float32Array([x]).buffer)[0] >>> 16;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export const half = [
  mutant({
    name: 'sentinel-that-half-cannot-hold',
    mistake: 'masked_fill with -1e8 is an error in float16.',
    link: 'https://github.com/facebookresearch/fairseq/issues/3575',
    catches: ['padding/no-influence'],
    refuses: true,
    Kernel: class extends Attention {
      override run(c: AttentionCase) {
        if (c.mask && c.query.dtype === 'float16')
          return { error: { type: 'RuntimeError', message: 'value cannot be converted to type at::Half' } };
        return super.run(c);
      }
    },
  }),
  mutant({
    name: 'mask-bits-of-another-type',
    mistake: 'The words of an additive bfloat16 mask are read as float16, where its sentinels are NaN.',
    link: 'https://github.com/pytorch/pytorch/pull/191612',
    catches: ['forms/boolean-equals-additive', 'numerics/agrees-with-reference'],
    supports: { dtypes: ['bfloat16', 'float32'] },
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        if (!mask || c.mask?.form !== 'additive' || c.query.dtype !== 'bfloat16')
          return super.masked(c, mask, x, b, h, i, j);
        return super.masked(c, undefined, x, b, h, i, j) + misread(this.cell(c, mask, b, h, i, j));
      }
    },
  }),
  mutant({
    name: 'accumulated-in-half',
    mistake: 'Products are summed in float16 although float32 is declared.',
    catches: ['numerics/agrees-with-reference'],
    supports: { dtypes: ['float16'] },
    Kernel: class extends Attention {
      override combine(_c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
        const output: Row = Array.from({ length: vHeadDim }, () => 0);
        weights.forEach((w, j) => {
          if (w !== 0) output.forEach((sum, d) => (output[d] = f16round(sum + f16round(w * values[j][d]))));
        });
        return output;
      }
    },
  }),
  mutant({
    name: 'answer-truncated-to-half',
    mistake: 'The answer is cut to the upper half of a float32 instead of being rounded.',
    catches: ['numerics/agrees-with-reference'],
    supports: { dtypes: ['bfloat16'] },
    Kernel: class extends Attention {
      override combine(c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
        return super.combine(c, weights, values, vHeadDim).map(truncated);
      }
    },
  }),
  mutant({
    name: 'scores-stored-in-half',
    mistake: 'Scores are written to memory in the half type before the softmax, and nobody declares it.',
    catches: ['numerics/agrees-with-reference'],
    supports: { dtypes: halves },
    Kernel: class extends Attention {
      override score(c: AttentionCase, query: Row, key: Row) {
        return rounded(c.query.dtype, super.score(c, query, key));
      }
    },
  }),
  mutant({
    name: 'rotary-angles-in-half',
    mistake: 'Position times frequency is computed in the half type, which has no odd numbers above 2048 (or 256).',
    catches: ['bridges/rotary-equals-base', 'numerics/agrees-with-reference'],
    supports: { dtypes: halves },
    Kernel: class extends Attention {
      override rotate(rotary: Rotary, x: Row, position: number) {
        return super.rotate(rotary, x, rounded('bfloat16', position));
      }
    },
  }),
];
