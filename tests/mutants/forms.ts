/** What a cell of a mask says: its form, its polarity, its truth. */
import type { AttentionCase } from '../../reference/case';
import { Attention } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const forms = [
  mutant({
    name: 'boolean-added',
    mistake: 'A boolean mask is added to the scores: kept keys get 1 more and dropped keys stay.',
    link: 'https://github.com/HKUSTDial/flash-sparse-attention/issues/146',
    catches: ['forms/boolean-equals-additive', 'rows/support', 'padding/no-influence', 'composition/conjunction'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'boolean' || super.cellKeeps(c, cell);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return mask && c.mask?.form !== 'integer' ? this.cell(c, mask, b, h, i, j) : 0;
      }
    },
  }),
  mutant({
    name: 'boolean-4d-added-under-causal',
    mistake: 'A boolean 4D mask is added to scores that are causal already.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1198',
    catches: ['forms/boolean-equals-additive', 'causality/four-d-is-authoritative', 'rows/support'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        if (!mask || c.mask?.rank !== 4 || c.mask.form !== 'boolean') return super.masked(c, mask, x, b, h, i, j);
        return this.causal(c, i, j) ? x + this.cell(c, mask, b, h, i, j) : -Infinity;
      }
    },
  }),
  mutant({
    name: 'boolean-inverted',
    mistake: 'True drops in a boolean mask, although the backend says that true keeps.',
    link: 'https://github.com/lucidrains/x-transformers/issues/160',
    catches: ['forms/boolean-equals-additive', 'forms/redundant-arguments', 'rows/support'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'boolean' ? cell === 0 : super.cellKeeps(c, cell);
      }
    },
  }),
  mutant({
    name: 'additive-truthy-drops',
    mistake: 'An additive mask becomes masked = (mask != 0), so every finite bias drops its key.',
    link: 'https://github.com/pytorch/pytorch/issues/107084',
    catches: ['forms/finite-bias', 'forms/row-constant', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'additive' ? cell === 0 : super.cellKeeps(c, cell);
      }
    },
  }),
  mutant({
    name: 'additive-truthy-keeps',
    mistake: 'An additive mask becomes keep = (mask != 0): exactly inverted.',
    link: 'https://github.com/huggingface/transformers/pull/38094',
    catches: ['forms/boolean-equals-additive', 'forms/redundant-arguments'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'additive' ? cell !== 0 : super.cellKeeps(c, cell);
      }
      override bias() {
        return 0;
      }
    },
  }),
  mutant({
    name: 'additive-padding-ignored',
    mistake: 'The padding mask is expected to be boolean, and an additive one has no effect.',
    link: 'https://github.com/pytorch/pytorch/issues/92554',
    catches: ['forms/boolean-equals-additive', 'padding/no-influence'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        return c.mask?.rank === 2 && c.mask.form === 'additive' ? undefined : super.view(c);
      }
    },
  }),
  mutant({
    name: 'finite-bias-dropped',
    mistake: 'An additive mask only says what is dropped; its finite numbers are not added.',
    link: 'https://github.com/pytorch/pytorch/issues/118628',
    catches: ['forms/finite-bias', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override bias() {
        return 0;
      }
    },
  }),
  mutant({
    name: 'positive-bias-means-drop',
    mistake: 'Any negative number in an additive mask drops its key.',
    catches: ['forms/finite-bias', 'forms/row-constant'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'additive' ? cell >= 0 : super.cellKeeps(c, cell);
      }
    },
  }),
  mutant({
    name: 'integer-inverted',
    mistake: 'An integer mask takes the branch of "1 means padding".',
    link: 'https://github.com/pytorch/pytorch/issues/86120',
    catches: ['forms/integer-equals-boolean'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'integer' ? cell === 0 : super.cellKeeps(c, cell);
      }
    },
  }),
  mutant({
    name: 'integer-added',
    mistake: 'An integer mask is added to the scores as the numbers 0 and 1.',
    catches: ['forms/integer-equals-boolean', 'padding/no-influence'],
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'integer' || super.cellKeeps(c, cell);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        return mask && c.mask?.form !== 'boolean' ? this.cell(c, mask, b, h, i, j) : 0;
      }
    },
  }),
  mutant({
    name: 'infinity-drops-alone',
    mistake: 'Only -inf drops; finfo.min is added, in float64, to scores that it does not swallow once all are low.',
    catches: ['rows/fully-masked'],
    supports: { fullyMaskedRow: { boolean: 'zeros', finfo: 'zeros', inf: 'zeros' } },
    Kernel: class extends Attention {
      override cellKeeps(c: AttentionCase, cell: number) {
        return c.mask?.form === 'additive' ? cell !== -Infinity : super.cellKeeps(c, cell);
      }
    },
  }),
  mutant({
    name: 'bias-of-the-first-head',
    mistake: 'A bias that differs by head is read at head 0.',
    catches: ['numerics/agrees-with-reference', 'equivariance/heads'],
    Kernel: class extends Attention {
      override bias(c: AttentionCase, mask: View | undefined, b: number, _h: number, i: number, j: number) {
        const bias = super.bias(c, mask, b, 0, i, j);
        return Number.isFinite(bias) && this.cellKeeps(c, bias) ? bias : 0;
      }
    },
  }),
];
