/** Sliding windows and segments: off by one, counted from the wrong query, or lost beside another mask. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const windows = [
  mutant({
    name: 'window-one-too-wide',
    mistake: 'The left bound lets in one neighbour more.',
    link: 'https://github.com/huggingface/transformers/issues/39408',
    catches: ['composition/conjunction', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        return super.inWindow(c, i, j) || super.inWindow(c, i, j + 1);
      }
    },
  }),
  mutant({
    name: 'window-counts-the-token-itself',
    mistake: 'A window of W neighbours is read as W keys, the token itself included.',
    link: 'https://github.com/microsoft/onnxruntime/pull/25927',
    catches: ['composition/conjunction', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        const left = c.slidingWindow?.left;
        const outside = left !== undefined && left > 0 && j === this.position(c, i) - left;
        return super.inWindow(c, i, j) && !outside;
      }
    },
  }),
  mutant({
    name: 'window-dropped-without-a-mask',
    mistake: 'Without padding the mask becomes isCausal, and the window goes with it.',
    link: 'https://github.com/huggingface/transformers/pull/30127',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        return c.mask === undefined || super.inWindow(c, i, j);
      }
    },
  }),
  mutant({
    name: 'window-dropped-with-a-mask',
    mistake: 'A mask from the caller replaces the window.',
    link: 'https://github.com/lablup/mlxcel/issues/885',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        return c.mask !== undefined || super.inWindow(c, i, j);
      }
    },
  }),
  mutant({
    name: 'window-replaces-the-mask',
    mistake: 'With a window the padding mask is trimmed away.',
    link: 'https://github.com/lablup/mlxcel/issues/885',
    catches: ['composition/conjunction', 'padding/no-influence'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.slidingWindow ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'window-without-a-right-side',
    mistake: 'A window that is meant for both directions is applied to the left only.',
    link: 'https://github.com/huggingface/transformers/pull/40700',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        const left = c.slidingWindow?.left;
        return left === undefined || this.position(c, i) - left <= j;
      }
    },
  }),
  mutant({
    name: 'window-from-the-top-left',
    mistake: 'A chunk with a cache counts its window as if there were no past.',
    link: 'https://github.com/lablup/mlxcel/issues/885',
    catches: ['composition/conjunction', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return super.inWindow(c, i - (kvLen - qLen), j);
      }
    },
  }),
  mutant({
    name: 'window-of-the-last-query',
    mistake: 'All queries of a chunk share the window of its last one.',
    link: 'https://github.com/pytorch/executorch/pull/21857',
    catches: ['composition/conjunction', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, _i: number, j: number) {
        return super.inWindow(c, sizesOf(c).qLen - 1, j);
      }
    },
  }),
  mutant({
    name: 'window-of-zero-is-no-window',
    mistake: 'A window of 0 is falsy.',
    link: 'https://github.com/unslothai/unsloth/pull/8253',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        const { left, right } = c.slidingWindow ?? {};
        const p = this.position(c, i);
        return (!left || p - left <= j) && (!right || j <= p + right);
      }
    },
  }),
  mutant({
    name: 'chunks-in-place-of-a-window',
    mistake: 'Keys are cut into blocks as wide as the window, and a query sees no further back than its block.',
    catches: ['composition/window-is-monotone', 'composition/conjunction'],
    Kernel: class extends Attention {
      override inWindow(c: AttentionCase, i: number, j: number) {
        const width = (c.slidingWindow?.left ?? Infinity) + 1;
        const p = this.position(c, i);
        return super.inWindow(c, i, j) && (width === Infinity || j >= p - (p % width));
      }
    },
  }),
  mutant({
    name: 'window-overrides-causality',
    mistake: 'A window on both sides is a licence to look ahead.',
    link: 'https://github.com/huggingface/transformers/pull/46850',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        return (c.slidingWindow?.right ?? 0) > 0 || super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'segments-ignored',
    mistake: 'Packed documents are told apart by an argument that the kernel never reads.',
    link: 'https://github.com/areal-project/AReaL/issues/1442',
    catches: ['composition/packed-equals-separate', 'composition/conjunction'],
    Kernel: class extends Attention {
      override sameSegment() {
        return true;
      }
    },
  }),
  mutant({
    name: 'segments-ignored-with-a-mask',
    mistake: 'Because a padding mask is there, the document ids are not looked at.',
    link: 'https://github.com/axolotl-ai-cloud/axolotl/pull/3796',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override sameSegment(c: AttentionCase, b: number, i: number, j: number) {
        return c.mask !== undefined || super.sameSegment(c, b, i, j);
      }
    },
  }),
  mutant({
    name: 'segments-of-the-first-batch-row',
    mistake: 'Document ids are read for batch row 0 only.',
    link: 'https://github.com/axolotl-ai-cloud/axolotl/issues/1375',
    catches: ['composition/conjunction', 'equivariance/batch-rows'],
    Kernel: class extends Attention {
      override sameSegment(c: AttentionCase, _b: number, i: number, j: number) {
        return super.sameSegment(c, 0, i, j);
      }
    },
  }),
  mutant({
    name: 'segments-as-a-count',
    mistake: 'A later document sees the earlier ones: the ids are compared with <=.',
    catches: ['composition/packed-equals-separate', 'composition/conjunction'],
    Kernel: class extends Attention {
      override sameSegment(c: AttentionCase, b: number, i: number, j: number) {
        if (!c.segments) return true;
        const { kvLen } = sizesOf(c);
        return c.segments.data[b * kvLen + j] <= c.segments.data[b * kvLen + this.position(c, i)];
      }
    },
  }),
  mutant({
    name: 'segments-of-the-top-left',
    mistake: 'With a cache, query i is given the document of key i.',
    catches: ['composition/conjunction', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override sameSegment(c: AttentionCase, b: number, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return super.sameSegment(c, b, i - (kvLen - qLen), j);
      }
    },
  }),
  mutant({
    name: 'segments-replace-the-mask',
    mistake: 'The mask that documents make overwrites the padding mask.',
    link: 'https://github.com/huggingface/transformers/pull/37429',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return super.keeps(c, c.segments ? undefined : mask, b, h, i, j);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return c.segments ? 0 : super.bias(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'window-skips-padding',
    mistake: 'The window counts real tokens, where it is declared to count places.',
    link: 'https://github.com/NVIDIA/TransformerEngine/pull/1281',
    catches: ['composition/conjunction'],
    Kernel: class extends Attention {
      private mask: View | undefined;
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        this.mask = mask;
        return super.masked(c, mask, x, b, h, i, j);
      }
      override inWindow(c: AttentionCase, i: number, j: number) {
        const left = c.slidingWindow?.left;
        if (left === undefined || c.mask?.rank !== 2 || !this.mask) return super.inWindow(c, i, j);
        let between = 0;
        for (let n = j + 1; n <= this.position(c, i); n++)
          if (this.cellKeeps(c, this.cell(c, this.mask, 0, 0, i, n))) between++;
        return between <= left && super.inWindow({ ...c, slidingWindow: { right: c.slidingWindow?.right } }, i, j);
      }
    },
  }),
];
