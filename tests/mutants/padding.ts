/** Padding on the wrong axis, on the wrong side, or lost; masks that are longer or shorter than the keys. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, indices } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const padding = [
  mutant({
    name: 'mask-ignored',
    mistake: 'The mask is accepted and never used.',
    link: 'https://github.com/facebookresearch/fairseq/issues/1682',
    catches: [
      'padding/no-influence',
      'padding/equals-absence',
      'causality/four-d-is-authoritative',
      'composition/softcap',
      'rows/support',
    ],
    Kernel: class extends Attention {
      override view() {
        return undefined;
      }
    },
  }),
  mutant({
    name: 'boolean-mask-ignored',
    mistake: 'masked_fill is called without its result being used, so a boolean mask does nothing.',
    link: 'https://github.com/opendilab/DI-engine/issues/333',
    catches: ['forms/boolean-equals-additive', 'padding/no-influence'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.mask?.form === 'boolean' ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'padding-on-the-query-axis',
    mistake: 'A padding mask becomes [batch, 1, q_len, 1]: padded queries are masked, padded keys are seen.',
    link: 'https://github.com/hyunwoongko/transformer/pull/40',
    catches: ['padding/no-influence', 'rows/support'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const at = super.cellIndex(c, mask, b, h, i, j);
        return c.mask?.rank === 2 ? [b, Math.max(0, this.position(c, i))] : at;
      }
    },
  }),
  mutant({
    name: 'padding-dropped-in-decoding',
    mistake: 'The padding mask is left out after the prefill.',
    link: 'https://github.com/OpenNMT/OpenNMT-py/pull/2532',
    catches: ['causality/cached-equals-full', 'padding/no-influence'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const { qLen, kvLen } = sizesOf(c);
        return c.mask?.rank === 2 && qLen < kvLen ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'padding-dropped-when-causal',
    mistake: 'A causal kernel is chosen and takes no padding mask.',
    link: 'https://github.com/AI-Hypercomputer/maxtext/issues/878',
    catches: ['padding/no-influence', 'composition/conjunction'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.mask?.rank === 2 && c.isCausal ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'only-trailing-padding',
    mistake: 'Padding is stripped from the right end only; left and interior padding is seen.',
    link: 'https://github.com/NVIDIA-NeMo/Automodel/pull/3704',
    catches: ['padding/no-influence', 'padding/equals-absence'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        if (!mask || c.mask?.rank !== 2) return super.keeps(c, mask, b, h, i, j);
        const { kvLen } = sizesOf(c);
        const last = indices(kvLen).findLast((n) => this.cellKeeps(c, this.cell(c, mask, b, h, i, n))) ?? -1;
        return j <= last && super.keeps(c, undefined, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'padding-as-a-length',
    mistake: 'The padding mask is summed to a length, as if all padding stood on the right.',
    link: 'https://github.com/jax-ml/jax/issues/23349',
    catches: ['padding/no-influence', 'rows/support'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        if (!mask || c.mask?.rank !== 2) return super.keeps(c, mask, b, h, i, j);
        const { kvLen } = sizesOf(c);
        const length = indices(kvLen).filter((n) => this.cellKeeps(c, this.cell(c, mask, b, h, i, n))).length;
        return j < length && super.keeps(c, undefined, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'padding-keys-as-zeros',
    mistake: 'Padded keys are zeroed instead of masked: their score is 0 and they keep a weight.',
    link: 'https://github.com/openxla/xla/pull/11444',
    catches: ['padding/equals-absence', 'rows/support'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        const padded = mask && c.mask?.rank === 2 && !this.cellKeeps(c, this.cell(c, mask, b, h, i, j));
        return padded ? super.masked(c, undefined, 0, b, h, i, j) : super.masked(c, mask, x, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'padding-weights-zeroed-late',
    mistake: 'The mask multiplies the weights after the softmax, which no longer sum to one.',
    catches: ['rows/mass', 'padding/equals-absence', 'padding/no-influence'],
    Kernel: class extends Attention {
      private dropped: boolean[] = [];
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        this.dropped[j] = !this.keeps(c, mask, b, h, i, j);
        return this.dropped[j] ? x : super.masked(c, mask, x, b, h, i, j);
      }
      override softmax(logits: number[]) {
        return super.softmax(logits).map((p, j) => (this.dropped[j] ? 0 : p));
      }
      override shownScores(c: AttentionCase, logits: number[], weights: number[], plain: number[]) {
        return super.shownScores(
          c,
          logits.map((x, j) => (this.dropped[j] ? -Infinity : x)),
          weights,
          plain,
        );
      }
    },
  }),
  mutant({
    name: 'overlong-read-from-the-end',
    mistake: 'Of a mask with more columns than keys the last ones count, not the first.',
    link: 'https://github.com/huggingface/transformers/pull/35681',
    catches: ['padding/overlong'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const extra = mask.shape[mask.shape.length - 1] - sizesOf(c).kvLen;
        return super.cellIndex(c, mask, b, h, i, j + extra);
      }
    },
  }),
  mutant({
    name: 'overlong-stride-of-the-keys',
    mistake: 'Rows of an over-long mask are taken to be as long as there are keys.',
    link: 'https://github.com/microsoft/onnxruntime-genai/pull/1639',
    catches: ['padding/overlong'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const mask = super.view(c);
        if (!mask) return undefined;
        const extra = mask.shape[mask.shape.length - 1] - sizesOf(c).kvLen;
        const last = mask.shape.length - 1;
        const strides = mask.strides.map((s, axis) => (axis === last - 1 && s > extra ? s - extra : s));
        return { ...mask, strides };
      }
    },
  }),
  mutant({
    name: 'overlong-ignored',
    mistake: 'A mask whose length is not that of the keys is dropped in silence.',
    link: 'https://github.com/huggingface/diffusers/pull/14704',
    catches: ['padding/overlong'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.mask && c.mask.tensor.shape.at(-1) !== sizesOf(c).kvLen ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'overlong-rows-from-the-top',
    mistake: 'Of a mask with more rows than queries the first ones count, although the last are declared.',
    link: 'https://github.com/lablup/mlxcel/issues/885',
    catches: ['padding/overlong'],
    Kernel: class extends Attention {
      override maskRow(_c: AttentionCase, rows: number, i: number) {
        return rows === 1 ? 0 : i;
      }
    },
  }),
  mutant({
    name: 'short-mask-dropped',
    mistake: 'A mask that is too short is not used, and nobody is told.',
    link: 'https://github.com/lablup/mlxcel/issues/885',
    catches: ['padding/short-is-refused'],
    Kernel: class extends Attention {
      override validate() {}
      override view(c: AttentionCase) {
        const mask = super.view(c);
        return mask && mask.shape[mask.shape.length - 1] < sizesOf(c).kvLen ? undefined : mask;
      }
    },
  }),
  mutant({
    name: 'short-mask-stretched',
    mistake: 'The last column of a mask that is too short speaks for the keys beyond it.',
    catches: ['padding/short-is-refused'],
    Kernel: class extends Attention {
      override validate() {}
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        return super.cellIndex(c, mask, b, h, i, Math.min(j, mask.shape[mask.shape.length - 1] - 1));
      }
    },
  }),
  mutant({
    name: 'mask-lost-on-the-weights-path',
    mistake: 'The path that returns weights takes no mask.',
    link: 'https://github.com/pytorch/pytorch/issues/106630',
    catches: ['hooks/asking-changes-nothing', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.want.weights ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'padding-dropped-without-causality',
    mistake: 'The bidirectional path makes a mask of ones in place of the padding mask.',
    link: 'https://github.com/axolotl-ai-cloud/axolotl/pull/3735',
    catches: ['padding/no-influence'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.mask?.rank === 2 && !c.isCausal ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'prefix-overrides-padding',
    mistake: 'Padding is masked first and the prefix is unmasked after it: a padded first token is seen by all.',
    link: 'https://github.com/huggingface/transformers/issues/35855',
    catches: ['padding/no-influence', 'rows/support'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return super.keeps(c, c.mask?.rank === 2 && j === 0 ? undefined : mask, b, h, i, j);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const bias = super.bias(c, mask, b, h, i, j);
        return c.mask?.form === 'additive' && !this.cellKeeps(c, bias) ? 0 : bias;
      }
    },
  }),
];
