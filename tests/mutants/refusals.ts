/** What is declared and then refused, or answered in another shape. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, Refused } from './base';
import type { BackendAnswer } from '../../src/backend';
import { mutant } from './mutant';

export const refusals = [
  mutant({
    name: 'mask-with-causality-refused',
    mistake: 'One of several kernels raises where a mask comes with isCausal.',
    link: 'https://github.com/pytorch/pytorch/pull/187966',
    catches: ['composition/conjunction'],
    refuses: true,
    Kernel: class extends Attention {
      override validate(c: AttentionCase) {
        super.validate(c);
        if (c.mask && c.isCausal) throw new Refused('Explicit attn_mask should not be set when is_causal=True.');
      }
    },
  }),
  mutant({
    name: 'broadcast-mask-refused',
    mistake: 'The shape of a mask is compared with the shape of the scores, and one that broadcasts is refused.',
    link: 'https://github.com/tracel-ai/burn/issues/4772',
    catches: ['forms/broadcast'],
    refuses: true,
    Kernel: class extends Attention {
      override validate(c: AttentionCase) {
        super.validate(c);
        const { batch, numHeads } = sizesOf(c);
        const [b, h] = c.mask?.tensor.shape ?? [];
        if (c.mask?.rank === 4 && (b !== batch || h !== numHeads)) throw new Refused('Shapes do not match.');
      }
    },
  }),
  mutant({
    name: 'overlong-mask-refused',
    mistake:
      'One of two paths lacks the slice to the length of the keys, and a mask for a static cache is an error of shapes.',
    link: 'https://github.com/huggingface/transformers/issues/39365',
    catches: ['padding/overlong'],
    refuses: true,
    Kernel: class extends Attention {
      override validate(c: AttentionCase) {
        super.validate(c);
        const columns = c.mask?.tensor.shape.at(-1) ?? 0;
        if (columns > sizesOf(c).kvLen) throw new Refused('The size of tensor a must match the size of tensor b.');
      }
    },
  }),
  mutant({
    name: 'all-padding-refused',
    mistake: 'A batch row of nothing but padding raises in one mode and answers in another.',
    link: 'https://github.com/pytorch/pytorch/issues/178677',
    catches: ['rows/fully-masked'],
    refuses: true,
    Kernel: class extends Attention {
      override weights(...[c, logits, at]: Parameters<Attention['weights']>) {
        if (c.mask?.rank === 2 && logits.every((x) => x === -Infinity))
          throw new Refused('to_padded_tensor: empty row.');
        return super.weights(c, logits, at);
      }
    },
  }),
  mutant({
    name: 'common-padding-cut-off',
    mistake:
      'Queries at positions that are padding in every batch row are left out of the answer, which is shorter than asked.',
    link: 'https://github.com/pytorch/pytorch/issues/97111',
    catches: ['padding/no-influence'],
    refuses: true,
    Kernel: class extends Attention {
      override run(c: AttentionCase): BackendAnswer {
        const answer = super.run(c);
        const { batch, qLen, kvLen } = sizesOf(c);
        const mask = this.view(c);
        if (c.mask?.rank !== 2 || !mask || qLen !== kvLen || qLen < 2 || 'error' in answer) return answer;
        for (let b = 0; b < batch; b++) if (this.cellKeeps(c, this.cell(c, mask, b, 0, 0, qLen - 1))) return answer;
        const { dtype, shape, data } = answer.output;
        const rows = data.length / shape[3];
        const left = data.filter((_, n) => Math.floor(n / shape[3]) % qLen < qLen - 1);
        return { output: { dtype, shape: [shape[0], shape[1], qLen - 1, shape[3]], data: rows > 0 ? left : data } };
      }
    },
  }),
];
