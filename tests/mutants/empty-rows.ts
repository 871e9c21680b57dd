/** Queries that keep no key. */
import type { AttentionCase, EmptyRow } from '../../reference/case';
import { Attention, indices } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

export const emptyRows = [
  mutant({
    name: 'empty-row-nan',
    mistake: 'The softmax of nothing but -inf is NaN where zeros are declared.',
    link: 'https://github.com/pytorch/pytorch/issues/103749',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override emptyRow(): EmptyRow {
        return 'nan';
      }
    },
  }),
  mutant({
    name: 'empty-row-uniform',
    mistake: 'A finite sentinel gives the mean of the values where zeros are declared.',
    link: 'https://github.com/microsoft/onnxruntime/pull/28958',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override emptyRow(): EmptyRow {
        return 'uniform';
      }
    },
  }),
  mutant({
    name: 'empty-boolean-row-nan',
    mistake: 'Only the additive path guards against a row of nothing.',
    link: 'https://github.com/microsoft/onnxscript/pull/2479',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override emptyRow(c: AttentionCase): EmptyRow {
        return c.mask?.form === 'boolean' ? 'nan' : 'zeros';
      }
    },
  }),
  mutant({
    name: 'empty-row-spreads',
    mistake: 'The NaN of an empty row reaches the row after it.',
    link: 'https://github.com/huggingface/transformers/issues/38690',
    catches: ['rows/fully-masked-stays-local'],
    supports: { fullyMaskedRow: 'unspecified' },
    Kernel: class extends Attention {
      private spoilt = false;
      override weights(c: AttentionCase, logits: Row, at: { b: number; h: number; i: number }) {
        const empty = logits.every((x) => x === -Infinity);
        const spoilt = this.spoilt && at.i > 0;
        this.spoilt = empty;
        return empty || spoilt ? logits.map(() => NaN) : super.weights(c, logits, at);
      }
    },
  }),
  mutant({
    name: 'empty-row-means-the-past',
    mistake: 'An empty row is the mean of the causal keys, not of all.',
    link: 'https://github.com/huggingface/transformers/pull/27114',
    catches: ['rows/fully-masked'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: class extends Attention {
      override weights(c: AttentionCase, logits: Row, at: { b: number; h: number; i: number }) {
        if (logits.some((x) => x !== -Infinity)) return super.weights(c, logits, at);
        const seen = logits.map((_, j) => (this.causal(c, at.i, j) ? 1 : 0));
        return seen.map((s) => s / seen.reduce<number>((a, b) => a + b, 0));
      }
    },
  }),
  mutant({
    name: 'empty-row-unmasked',
    mistake: 'An empty row is answered as if there were no mask.',
    link: 'https://github.com/microsoft/onnxruntime/issues/14363',
    catches: ['rows/fully-masked'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: class extends Attention {
      private plain: Row = [];
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        this.plain[j] = x;
        return super.masked(c, mask, x, b, h, i, j);
      }
      override weights(c: AttentionCase, logits: Row, at: { b: number; h: number; i: number }) {
        const empty = logits.every((x) => x === -Infinity);
        return super.weights(c, empty ? this.plain.slice(0, logits.length) : logits, at);
      }
    },
  }),
  mutant({
    name: 'empty-row-sees-the-first-key',
    mistake: 'A workaround against NaN un-masks the first key of every empty row.',
    link: 'https://github.com/NVIDIA-NeMo/Speech/pull/9590',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override weights(c: AttentionCase, logits: Row, at: { b: number; h: number; i: number }) {
        return logits.every((x) => x === -Infinity)
          ? logits.map((_, j) => (j === 0 ? 1 : 0))
          : super.weights(c, logits, at);
      }
    },
  }),
  mutant({
    name: 'empty-row-zeros-the-row-before',
    mistake: 'Zeroing the empty rows is off by one.',
    catches: ['rows/fully-masked-stays-local', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      private mask: View | undefined;
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        this.mask = mask;
        return super.masked(c, mask, x, b, h, i, j);
      }
      override weights(c: AttentionCase, logits: Row, at: { b: number; h: number; i: number }) {
        const next = at.i + 1;
        const last = next >= c.query.shape[2];
        const nextIsEmpty =
          !last && indices(logits.length).every((j) => !this.keeps(c, this.mask, at.b, at.h, next, j));
        return nextIsEmpty ? logits.map(() => 0) : super.weights(c, logits, at);
      }
    },
  }),
  mutant({
    name: 'empty-finfo-row-nan',
    mistake: 'A row of nothing but finfo.min is NaN on one of the kernels.',
    link: 'https://github.com/pytorch/pytorch/issues/110213',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override emptyRow(c: AttentionCase): EmptyRow {
        return c.mask?.form === 'additive' && !c.mask.tensor.data.includes(-Infinity) ? 'nan' : 'zeros';
      }
    },
  }),
  mutant({
    name: 'empty-row-nan-past-a-tile',
    mistake: 'A row that keeps nothing is NaN where the number of keys is one more than a multiple of the tile.',
    link: 'https://github.com/unslothai/unsloth/pull/9848',
    catches: ['rows/fully-masked'],
    Kernel: class extends Attention {
      override emptyRow(c: AttentionCase): EmptyRow {
        const kvLen = c.key.shape[2];
        return kvLen > 8 && kvLen % 8 === 1 ? 'nan' : 'zeros';
      }
    },
  }),
];
