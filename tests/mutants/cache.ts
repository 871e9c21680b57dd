/** Keys from a cache: the newest one missing, the old ones unmasked, the mask out of step with them. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const cache = [
  mutant({
    name: 'newest-key-missing',
    mistake: 'A decode step attends before its own key is written to the cache.',
    catches: ['causality/cached-equals-full', 'causality/fallback'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        const own = c.isCausal && qLen < kvLen && j === this.position(c, i);
        return !own && super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'padding-of-the-past-forgotten',
    mistake: 'The padding mask is read for new tokens only: keys from the cache are always seen.',
    link: 'https://github.com/unslothai/unsloth/issues/1066',
    catches: ['padding/no-influence', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        const past = c.mask?.rank === 2 && j < kvLen - qLen;
        return super.keeps(c, past ? undefined : mask, b, h, i, j);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const bias = super.bias(c, mask, b, h, i, j);
        return c.mask?.form === 'additive' && !this.cellKeeps(c, bias) ? 0 : bias;
      }
    },
  }),
  mutant({
    name: 'mask-out-of-step-with-the-cache',
    mistake:
      'The oldest key has left the cache and its column has not left the mask: every column speaks for the key before.',
    link: 'https://github.com/huggingface/transformers/pull/35681',
    catches: ['padding/no-influence', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return super.cellIndex(c, mask, b, h, i, qLen < kvLen ? Math.min(kvLen - 1, j + 1) : j);
      }
    },
  }),
  mutant({
    name: 'keys-beyond-the-prompt-unread',
    mistake:
      'The number of keys is fixed when the prompt is read: a cache that has grown past a block of 8 is cut off there.',
    catches: ['causality/cached-equals-full', 'rows/support'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        const unread = qLen < kvLen && j >= 8 && j < kvLen - qLen;
        return !unread && super.keeps(c, mask, b, h, i, j);
      }
    },
  }),
];
