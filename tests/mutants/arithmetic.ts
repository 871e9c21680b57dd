/** Softmax, scale, softcap, tiles: what happens to numbers on their way. */
import { f16round } from '@petamoriken/float16';
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, sum } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

export const arithmetic = [
  mutant({
    name: 'scale-forgotten',
    mistake: 'Scores are not divided by the root of head_dim.',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override scaled(_c: AttentionCase, dot: number) {
        return dot;
      }
    },
  }),
  mutant({
    name: 'scale-twice',
    mistake: 'The caller and the kernel both scale.',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override scaled(c: AttentionCase, dot: number) {
        return dot * c.scale * c.scale;
      }
    },
  }),
  mutant({
    name: 'scale-by-heads',
    mistake: 'The scale is one over the root of num_heads.',
    catches: ['numerics/agrees-with-reference', 'equivariance/heads'],
    Kernel: class extends Attention {
      override scaled(c: AttentionCase, dot: number) {
        return dot / Math.sqrt(sizesOf(c).numHeads);
      }
    },
  }),
  mutant({
    name: 'given-scale-ignored',
    mistake: 'A scale from the caller is not used.',
    catches: ['numerics/agrees-with-reference', 'forms/finite-bias'],
    Kernel: class extends Attention {
      override scaled(c: AttentionCase, dot: number) {
        return dot / Math.sqrt(sizesOf(c).headDim);
      }
    },
  }),
  mutant({
    name: 'bias-scaled',
    mistake: 'The mask is added before the scores are scaled.',
    catches: ['forms/finite-bias', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return super.bias(c, mask, b, h, i, j) * c.scale;
      }
    },
  }),
  mutant({
    name: 'bias-twice',
    mistake: 'A finite bias is added by the caller and by the kernel.',
    catches: ['forms/finite-bias', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return 2 * super.bias(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'softcap-after-the-mask',
    mistake: 'The cap comes after the mask and brings dropped scores back to -softcap.',
    link: 'https://github.com/onnx/onnx/issues/7865',
    catches: ['composition/softcap'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        const kept = this.keeps(c, mask, b, h, i, j);
        return !kept && c.softcap !== undefined ? -c.softcap : super.masked(c, mask, x, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'softcap-over-the-bias',
    mistake: 'The cap comes after a finite bias.',
    link: 'https://github.com/onnx/onnx/issues/7865',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override capped(_c: AttentionCase, score: number) {
        return score;
      }
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        const t = super.masked(c, mask, x, b, h, i, j);
        return t === -Infinity ? t : super.capped(c, t);
      }
    },
  }),
  mutant({
    name: 'softcap-ignored',
    mistake: 'The cap is accepted and never used.',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override capped(_c: AttentionCase, score: number) {
        return score;
      }
    },
  }),
  mutant({
    name: 'maximum-not-subtracted',
    mistake: 'The softmax takes exp of the scores as they are.',
    catches: ['numerics/large-scores'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const powers = logits.map((x) => Math.fround(Math.exp(x)));
        const total = Math.fround(sum(powers));
        return powers.map((p) => p / total);
      }
    },
  }),
  mutant({
    name: 'scores-clipped',
    mistake: 'Scores are clipped to 30 against overflow, and larger ones become equal.',
    catches: ['numerics/large-scores'],
    Kernel: class extends Attention {
      override score(c: AttentionCase, query: Row, key: Row) {
        return Math.max(-30, Math.min(30, super.score(c, query, key)));
      }
    },
  }),
  mutant({
    name: 'softmax-in-half',
    mistake: 'The softmax runs in float16 although float32 is declared.',
    catches: ['numerics/agrees-with-reference', 'rows/mass'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        return super.softmax(logits.map((x) => f16round(x))).map((p) => f16round(p));
      }
    },
  }),
  mutant({
    name: 'online-softmax-without-rescaling',
    mistake: 'What earlier tiles summed up is not rescaled when the maximum moves.',
    catches: ['equivariance/keys', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const powers: Row = [];
        let top = -Infinity;
        for (let start = 0; start < logits.length; start += 4) {
          const tile = logits.slice(start, start + 4);
          top = Math.max(top, ...tile);
          powers.push(...tile.map((x) => (x === -Infinity ? 0 : Math.exp(x - top))));
        }
        return powers.map((p) => p / sum(powers));
      }
    },
  }),
  mutant({
    name: 'online-softmax-forgets-an-empty-tile',
    mistake: 'A first tile without a kept key leaves NaN: -inf minus -inf.',
    link: 'https://github.com/pytorch/pytorch/issues/124877',
    catches: ['rows/support', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const first = logits.slice(0, 4);
        return first.every((x) => x === -Infinity) ? logits.map(() => NaN) : super.softmax(logits);
      }
    },
  }),
  mutant({
    name: 'last-tile-skipped',
    mistake: 'Keys beyond the last multiple of 8 are left out.',
    link: 'https://github.com/pytorch/executorch/pull/9105',
    catches: ['equivariance/keys', 'rows/support', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const { kvLen } = sizesOf(c);
        const skipped = kvLen > 8 && j >= kvLen - (kvLen % 8);
        return !skipped && super.keeps(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'last-tile-unmasked',
    mistake: 'The mask is not read for the remainder of a tile.',
    link: 'https://github.com/pytorch/pytorch/pull/169222',
    catches: ['rows/support', 'padding/no-influence'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const { kvLen } = sizesOf(c);
        return (kvLen > 4 && j >= kvLen - (kvLen % 4)) || super.keeps(c, mask, b, h, i, j);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const bias = super.bias(c, mask, b, h, i, j);
        return this.cellKeeps(c, bias) ? bias : 0;
      }
    },
  }),
  mutant({
    name: 'last-tile-padded-with-zero-scores',
    mistake: 'The remainder of a tile is filled with scores of 0, which enter the sum.',
    link: 'https://github.com/pytorch/pytorch/issues/196678',
    catches: ['rows/mass', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const filling = Array.from({ length: (4 - (logits.length % 4)) % 4 }, () => 0);
        return super.softmax([...logits, ...filling]).slice(0, logits.length);
      }
    },
  }),
  mutant({
    name: 'denominator-over-all-keys',
    mistake: 'Dropped keys are left out of the weighted sum but not out of its normaliser.',
    catches: ['rows/mass', 'padding/no-influence'],
    Kernel: class extends Attention {
      private dropped = 0;
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        const kept = this.keeps(c, mask, b, h, i, j);
        this.dropped = (j === 0 ? 0 : this.dropped) + (kept ? 0 : Math.exp(x));
        return super.masked(c, mask, x, b, h, i, j);
      }
      override softmax(logits: Row) {
        const total = sum(logits.map((x) => Math.exp(x)));
        return super.softmax(logits).map((p) => (p * total) / (total + this.dropped));
      }
    },
  }),
  mutant({
    name: 'softmax-with-a-sink',
    mistake: 'The normaliser holds a 1 that nobody asked for.',
    catches: ['rows/mass'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        return super.softmax([...logits, 0]).slice(0, logits.length);
      }
    },
  }),
  mutant({
    name: 'small-weights-cut',
    mistake: 'Weights under a thousandth are rounded down to nothing.',
    catches: ['rows/support'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        return super.softmax(logits).map((p) => (p < 1e-3 ? 0 : p));
      }
    },
  }),
  mutant({
    name: 'nearest-key-only',
    mistake: 'The largest weight takes everything: a hard maximum.',
    catches: ['rows/kept-keys-matter', 'rows/support'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const top = Math.max(...logits);
        return logits.map((x, j) => (x === top && logits.indexOf(top) === j ? 1 : 0));
      }
    },
  }),
  mutant({
    name: 'values-clamped',
    mistake: 'Values are clamped to one on their way in.',
    catches: ['numerics/linear-in-values'],
    Kernel: class extends Attention {
      override combine(c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
        const clamped = values.map((v) => v.map((x) => Math.max(-1, Math.min(1, x))));
        return super.combine(c, weights, clamped, vHeadDim);
      }
    },
  }),
  mutant({
    name: 'values-made-positive',
    mistake: 'The sign of a value is lost in a quantised path.',
    catches: ['numerics/linear-in-values'],
    Kernel: class extends Attention {
      override combine(c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
        return super.combine(
          c,
          weights,
          values.map((v) => v.map(Math.abs)),
          vHeadDim,
        );
      }
    },
  }),
  mutant({
    name: 'poisoned-values-spread',
    mistake: 'A dropped value of NaN or infinity is multiplied by its weight of 0.',
    link: 'https://github.com/pytorch/pytorch/issues/101967',
    catches: ['padding/poison'],
    Kernel: class extends Attention {
      override combine(_c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number) {
        return Array.from({ length: vHeadDim }, (_, d) => sum(weights.map((w, j) => w * values[j][d])));
      }
    },
  }),
  mutant({
    name: 'poisoned-keys-spread',
    mistake: 'A dropped score of NaN stays NaN because the mask is added to it.',
    catches: ['padding/poison'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        return this.keeps(c, mask, b, h, i, j) ? super.masked(c, mask, x, b, h, i, j) : x - Infinity;
      }
    },
  }),
];
