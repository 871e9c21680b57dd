/** Causality: dropped, forced, overridden, or counted from the wrong corner. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const causality = [
  mutant({
    name: 'causal-dropped-with-a-mask',
    mistake: 'isCausal is switched off as soon as there is a mask.',
    link: 'https://github.com/keras-team/keras/pull/23040',
    catches: [
      'causality/padding-leaks-no-future',
      'causality/per-query-leaks-no-future',
      'composition/conjunction',
      'forms/redundant-arguments',
    ],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return c.mask !== undefined || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'causal-dropped-with-a-3d-mask',
    mistake: 'A [batch, q_len, kv_len] mask is taken to encode causality.',
    catches: ['causality/per-query-leaks-no-future'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return c.mask?.rank === 3 || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'causal-only-with-a-mask',
    mistake: 'The causal mask is only combined with a mask that is there.',
    link: 'https://github.com/facebookresearch/xformers/issues/103',
    catches: ['causality/fallback', 'forms/redundant-arguments'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return c.mask === undefined || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'mask-ignored-when-causal',
    mistake: 'With isCausal the mask is passed as None.',
    link: 'https://github.com/pytorch/pytorch/issues/131254',
    catches: ['padding/no-influence', 'causality/four-d-is-authoritative', 'composition/conjunction'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.isCausal ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'causal-dropped-when-weights-are-asked',
    mistake: 'The path that returns weights has no causal mask.',
    link: 'https://github.com/pytorch/pytorch/issues/99282',
    catches: ['hooks/asking-changes-nothing'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return c.want.weights === true || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'always-causal',
    mistake: 'isCausal false still builds a triangle.',
    link: 'https://github.com/huggingface/transformers/issues/36150',
    catches: ['causality/bidirectional', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return j <= this.position(c, i);
      }
    },
  }),
  mutant({
    name: 'causal-without-a-mask',
    mistake: 'No mask is taken to mean causal, in cross attention too.',
    link: 'https://github.com/huggingface/transformers/issues/48172',
    catches: ['causality/bidirectional', 'forms/redundant-arguments'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return (c.mask !== undefined && super.causal(c, i, j)) || j <= Math.max(0, this.position(c, i));
      }
    },
  }),
  mutant({
    name: 'causal-forced-on-4d',
    mistake: 'The causal triangle is laid over a 4D mask that already says everything.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1198',
    catches: ['causality/four-d-is-authoritative'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return super.keeps(c, mask, b, h, i, j) && this.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'four-d-rebuilt',
    mistake: 'A 4D mask from the caller is replaced by a causal one.',
    link: 'https://github.com/huggingface/transformers/issues/29525',
    catches: ['causality/four-d-is-authoritative', 'rows/support'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return c.mask?.rank === 4 && c.isCausal ? this.causal(c, i, j) : super.keeps(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'causal-never',
    mistake: 'A helper returns no mask for every length, and no mask means no causality.',
    link: 'https://github.com/osaurus-ai/vmlx-swift/pull/185',
    catches: ['causality/fallback', 'causality/padding-leaks-no-future'],
    Kernel: class extends Attention {
      override causal() {
        return true;
      }
    },
  }),
  mutant({
    name: 'prefill-unmasked',
    mistake: 'Causality is left to the cache, and the prefill of several tokens has none.',
    link: 'https://github.com/Mikyx-1/TinyLLM/issues/17',
    catches: ['causality/fallback', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return qLen === kvLen || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'chunk-unmasked',
    mistake: 'A chunk that is decoded with a cache sees its own future.',
    link: 'https://github.com/ml-explore/mlx-examples/pull/715',
    catches: ['causality/fallback', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return qLen < kvLen || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'causal-from-the-top-left',
    mistake: 'The triangle starts at the first key although the backend says that it ends at the last.',
    link: 'https://github.com/pytorch/pytorch/issues/108108',
    catches: ['causality/fallback', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return !c.isCausal || j <= i;
      }
    },
  }),
  mutant({
    name: 'decode-sees-the-first-key',
    mistake: 'A decode step combines the keys so far with a [1, kv_len] triangle.',
    link: 'https://github.com/google/flax/issues/5591',
    catches: ['causality/cached-equals-full', 'causality/fallback'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return super.causal(c, i, j) && (!c.isCausal || sizesOf(c).qLen > 1 || j === 0);
      }
    },
  }),
  mutant({
    name: 'causal-one-too-far',
    mistake: 'Each query sees the next key.',
    catches: ['causality/fallback', 'causality/padding-leaks-no-future', 'composition/conjunction'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return !c.isCausal || j <= this.position(c, i) + 1;
      }
    },
  }),
  mutant({
    name: 'causal-without-the-diagonal',
    mistake: 'A query does not see its own key.',
    catches: ['causality/fallback', 'composition/conjunction'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return !c.isCausal || j < this.position(c, i);
      }
    },
  }),
  mutant({
    name: 'triangle-upside-down',
    mistake: 'The kept triangle is the upper one: every query sees its future.',
    link: 'https://github.com/rasbt/LLMs-from-scratch/issues/1061',
    catches: ['causality/fallback', 'causality/padding-leaks-no-future', 'causality/per-query-leaks-no-future'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return !c.isCausal || j >= this.position(c, i);
      }
    },
  }),
  mutant({
    name: 'full-mask-means-causal',
    mistake: 'A mask that keeps everything is dropped as redundant, and without a mask the kernel is causal.',
    link: 'https://github.com/huggingface/transformers/pull/42820',
    catches: ['forms/redundant-arguments', 'causality/bidirectional'],
    Kernel: class extends Attention {
      private isFull = false;
      override view(c: AttentionCase) {
        this.isFull = c.mask !== undefined && Array.from(c.mask.tensor.data).every((cell) => this.cellKeeps(c, cell));
        return super.view(c);
      }
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return super.keeps(c, mask, b, h, i, j) && (!this.isFull || c.isCausal || j <= this.position(c, i));
      }
    },
  }),
  mutant({
    name: 'cross-attention-made-causal',
    mistake: 'The window (-1, 0) of self-attention is used again for cross-attention.',
    link: 'https://github.com/NVIDIA/TransformerEngine/issues/629',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return super.causal(c, i, j) && (qLen <= kvLen || j <= i);
      }
    },
  }),
  mutant({
    name: 'triangle-of-the-batch-size',
    mistake:
      'The side of the triangle is read from the batch axis: for a batch of one it is one cell, which broadcasts.',
    link: 'https://github.com/sonos/torch-to-nnef/pull/217',
    catches: ['causality/fallback'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return sizesOf(c).batch === 1 || super.causal(c, i, j);
      }
    },
  }),
];
