/** Backward passes. The answers themselves are right. */
import type { AttentionCase, EmptyRow, FloatTensor } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, indices, rounded, sum, vector } from './base';
import type { GradientSums, Row, Step } from './base';
import { mutant } from './mutant';

/** exp(score - log of the sum), as fused kernels have it. */
function rebuilt(scores: Row, logits: Row): Row {
  const top = Math.max(...logits);
  const log = top + Math.log(sum(logits.map((x) => Math.exp(x - top))));
  return scores.map((x) => Math.exp(x - log));
}

const isEmpty = (logits: Row): boolean => logits.every((x) => x === -Infinity);

export const gradients = [
  mutant({
    name: 'gradient-nan-from-empty-row',
    mistake: 'Zeros are put over the NaN of a row without a key, and its gradient is NaN all the same.',
    link: 'https://github.com/pytorch/pytorch/issues/41508',
    catches: ['gradients/finite', 'gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ logits, w }: Step) {
        return isEmpty(logits) ? w.map(() => NaN) : w;
      }
    },
  }),
  mutant({
    name: 'gradient-of-the-last-tile-overflows',
    mistake: 'The empty places of the last tile are scored 0: exp(0 - log of the sum) overflows, and inf x 0 is NaN.',
    link: 'https://github.com/pytorch/pytorch/issues/196678',
    catches: ['gradients/finite'],
    supports: { dtypes: ['float32'] },
    Kernel: class extends Attention {
      override ofScores(step: Step, weights: Row, ofWeights: Row) {
        const { logits } = step;
        const top = Math.max(...logits);
        const log = top + Math.log(sum(logits.map((x) => Math.exp(x - top))));
        const outside = logits.length % 8 === 0 ? 0 : Math.fround(Math.exp(-log)) * 0;
        return super.ofScores(step, weights, ofWeights).map((x) => x + outside);
      }
    },
  }),
  mutant({
    name: 'gradient-of-the-last-tile-is-nan',
    mistake: 'Keys beyond the last whole tile of eight get NaN wherever a bias is added.',
    link: 'https://github.com/pytorch/pytorch/issues/153799',
    catches: ['gradients/finite'],
    Kernel: class extends Attention {
      override ofScores(step: Step, weights: Row, ofWeights: Row) {
        const whole = weights.length - (weights.length % 8);
        const biased = step.c.mask?.form === 'additive' && whole > 0;
        return super.ofScores(step, weights, ofWeights).map((x, j) => (biased && j >= whole ? NaN : x));
      }
    },
  }),
  mutant({
    name: 'gradient-without-the-mask',
    mistake: 'The backward pass rebuilds the weights from scores that no mask was put on: padding is trained.',
    catches: ['gradients/zero-at-dropped', 'gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ plain, logits, w }: Step) {
        return isEmpty(logits) ? w : rebuilt(plain, logits);
      }
    },
  }),
  mutant({
    name: 'gradient-of-values-without-the-mask',
    mistake: 'Only the gradient of the values forgets the mask: each takes the weight that it would have had.',
    catches: ['gradients/zero-at-dropped'],
    Kernel: class extends Attention {
      override backward(step: Step, gradients: GradientSums) {
        super.backward(step, gradients);
        const unmasked = isEmpty(step.logits) ? step.w : this.softmax(step.plain);
        unmasked.forEach((w, j) => {
          const more = step.w[j] === 0 && w > 0 ? gradientOf(step).map((x) => w * x) : [];
          this.addTo(gradients.value, step.g, j, more, step);
        });
      }
    },
  }),
  mutant({
    name: 'gradient-padded-as-uniform',
    mistake: 'Whatever is dropped takes an equal share of the gradient, as if the row kept nothing.',
    catches: ['gradients/zero-at-dropped', 'gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ w }: Step) {
        return w.map((x) => (x === 0 ? 1 / w.length : x));
      }
    },
  }),
  mutant({
    name: 'gradient-scale-forgotten',
    mistake: 'The scale is left out of the gradients of query and key.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override scaleAgain() {
        return 1;
      }
    },
  }),
  mutant({
    name: 'gradient-of-keys-scaled-twice',
    mistake: 'The query is scaled before the product, and the gradient of the key is scaled again.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override shownGradients(c: AttentionCase, gradients: GradientSums) {
        const { key } = gradients;
        return super.shownGradients(c, { ...gradients, key: { ...key, data: key.data.map((x) => x * c.scale) } });
      }
    },
  }),
  mutant({
    name: 'gradient-without-the-mean',
    mistake: 'The softmax is taken for a product with constants: the mean of the gradients is not taken off.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override ofScores(_step: Step, weights: Row, ofWeights: Row) {
        return weights.map((w, j) => w * ofWeights[j]);
      }
    },
  }),
  mutant({
    name: 'gradient-of-the-last-head-only',
    mistake: 'Query heads that share a key write its gradient one over the other instead of adding.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override backward(step: Step, gradients: GradientSums) {
        const { c, b, h, i, g } = step;
        const isNext = i === 0 && h > 0 && this.kvHead(c, h - 1) === g;
        if (isNext)
          for (const { shape, data } of [gradients.key, gradients.value]) {
            const size = shape[2] * shape[3];
            data.fill(0, (b * shape[1] + g) * size, (b * shape[1] + g + 1) * size);
          }
        super.backward(step, gradients);
      }
    },
  }),
  mutant({
    name: 'gradient-averaged-over-heads',
    mistake: 'The gradients of query heads that share a key are averaged.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override shownGradients(c: AttentionCase, { query, key, value }: GradientSums) {
        const { numHeads, numKvHeads } = sizesOf(c);
        const mean = (tensor: FloatTensor) => ({
          ...tensor,
          data: tensor.data.map((x) => (x * numKvHeads) / numHeads),
        });
        return super.shownGradients(c, { query, key: mean(key), value: mean(value) });
      }
    },
  }),
  mutant({
    name: 'gradient-softcap-forgotten',
    mistake: 'The cap is taken for the identity on the way back.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override slope() {
        return 1;
      }
    },
  }),
  mutant({
    name: 'gradient-of-a-bias-forgotten',
    mistake: 'The backward pass rebuilds the weights from scores without their bias.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ plain, logits, w }: Step) {
        if (isEmpty(logits)) return w;
        return rebuilt(plain, logits).map((x, j) => (logits[j] === -Infinity ? 0 : x));
      }
    },
  }),
  mutant({
    name: 'gradient-not-turned-back',
    mistake: 'The gradient of a turned key is given out as that of the key.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override turnedBack(_c: AttentionCase, x: Row) {
        return x;
      }
    },
  }),
  mutant({
    name: 'gradient-turned-on',
    mistake: 'The gradient is turned by the position once more instead of back.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override turnedBack(c: AttentionCase, x: Row, b: number, at: number) {
        return this.turned(c, x, b, at);
      }
    },
  }),
  mutant({
    name: 'gradient-causal-from-the-top-left',
    mistake: 'The backward pass aligns the causal triangle with the first key, the forward pass with the last.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ c, i, w }: Step) {
        return c.mask?.rank === 4 || !c.isCausal ? w : w.map((x, j) => (j <= i ? x : 0));
      }
    },
  }),
  mutant({
    name: 'gradient-of-a-mean-is-whole',
    mistake: 'The logarithm of the sum is lost in finfo.min: in a row of equal weights every rebuilt weight is 1.',
    catches: ['gradients/agree'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: class extends Attention {
      override emptyRow(): EmptyRow {
        return 'uniform';
      }
      override weightsAgain({ logits, w }: Step) {
        return isEmpty(logits) ? w.map(() => 1) : w;
      }
    },
  }),
  mutant({
    name: 'gradient-of-an-empty-row-is-a-mean',
    mistake: 'A row that answers zeros has the gradient of a mean.',
    catches: ['gradients/agree'],
    Kernel: class extends Attention {
      override weightsAgain({ logits, w }: Step) {
        return isEmpty(logits) ? indices(w.length).map(() => 1 / w.length) : w;
      }
    },
  }),
  mutant({
    name: 'gradient-in-bfloat16',
    mistake: 'The gradients of float32 inputs are summed in bfloat16.',
    catches: ['gradients/agree'],
    supports: { dtypes: ['float32'] },
    Kernel: class extends Attention {
      override addTo(tensor: FloatTensor, head: number, token: number, more: Row, step: Step) {
        super.addTo(
          tensor,
          head,
          token,
          more.map((x) => rounded('bfloat16', x)),
          step,
        );
      }
    },
  }),
];

function gradientOf({ c, b, h, i }: Step): Row {
  return c.gradOutput ? vector(c.gradOutput, b, h, i) : [];
}
