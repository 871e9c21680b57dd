/** Which axis of a mask is which, how it broadcasts, how it lies in memory, and which key head a query reads. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, laidOut } from './base';
import type { View } from './base';
import { mutant } from './mutant';

export const axes = [
  mutant({
    name: 'padding-read-as-q-by-kv',
    mistake: 'A [batch, kv_len] mask is read as [q_len, kv_len] where batch and q_len agree.',
    catches: ['padding/no-influence', 'rows/support', 'equivariance/batch-rows'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const { batch, qLen } = sizesOf(c);
        return c.mask?.rank === 2 && batch === qLen ? [i, j] : super.cellIndex(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'first-head-for-all',
    mistake: 'The mask of head 0 is used for every head.',
    link: 'https://github.com/microsoft/onnxruntime/pull/27464',
    catches: ['rows/support', 'equivariance/heads'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, _h: number, i: number, j: number) {
        return super.cellIndex(c, mask, b, 0, i, j);
      }
    },
  }),
  mutant({
    name: 'first-batch-row-for-all',
    mistake: 'The mask of batch row 0 is used for every batch row.',
    link: 'https://github.com/meta-pytorch/attention-gym/issues/98',
    catches: ['equivariance/batch-rows', 'rows/support'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, _b: number, h: number, i: number, j: number) {
        return super.cellIndex(c, mask, 0, h, i, j);
      }
    },
  }),
  mutant({
    name: 'three-d-read-as-heads',
    mistake: 'A [batch, q_len, kv_len] mask is read as one mask a head where batch and num_heads agree.',
    link: 'https://github.com/onnx/onnx/pull/8108',
    catches: ['rows/support', 'equivariance/batch-rows', 'causality/per-query-leaks-no-future'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const { batch, numHeads } = sizesOf(c);
        return super.cellIndex(c, mask, c.mask?.rank === 3 && batch === numHeads ? h : b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'batch-and-head-swapped',
    mistake: 'A mask that is broadcast over one of batch and head is read along the other where the sizes allow it.',
    link: 'https://github.com/microsoft/onnxruntime/pull/27464',
    catches: ['rows/support'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const { batch, numHeads } = sizesOf(c);
        return super.cellIndex(c, mask, batch === numHeads ? h : b, batch === numHeads ? b : h, i, j);
      }
    },
  }),
  mutant({
    name: 'one-row-for-the-first-query-only',
    mistake: 'A mask with a query axis of one is applied to the first query and to no other.',
    link: 'https://github.com/ml-explore/mlx/pull/1980',
    catches: ['forms/broadcast', 'rows/support'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const missed = c.mask?.rank === 4 && mask?.shape[2] === 1 && i > 0;
        return missed || super.keeps(c, mask, b, h, i, j);
      }
      override bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        const bias = super.bias(c, mask, b, h, i, j);
        return Math.abs(bias) > 1e9 ? 0 : bias;
      }
    },
  }),
  mutant({
    name: 'mask-transposed',
    mistake: 'Queries and keys change places in a square mask.',
    catches: ['rows/support', 'causality/per-query-leaks-no-future'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        const square = mask.shape.at(-1) === mask.shape.at(-2) && c.mask?.rank !== 2;
        return square ? super.cellIndex(c, mask, b, h, j, i) : super.cellIndex(c, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'strides-ignored',
    mistake: 'A mask that is a view is read as if it were contiguous.',
    link: 'https://github.com/pytorch/pytorch/issues/112577',
    catches: ['forms/layout'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const mask = super.view(c);
        return mask && c.mask && { ...mask, strides: laidOut(c.mask.tensor).strides };
      }
    },
  }),
  mutant({
    name: 'offset-ignored',
    mistake: 'A mask that starts inside its storage is read from the beginning.',
    link: 'https://github.com/torch-spyre/torch-spyre/issues/4331',
    catches: ['forms/layout'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const mask = super.view(c);
        return mask && { ...mask, offset: 0 };
      }
    },
  }),
  mutant({
    name: 'expanded-stride-of-one',
    mistake: 'An axis of stride zero is walked one by one.',
    link: 'https://github.com/pytorch/pytorch/issues/191937',
    catches: ['forms/layout'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const mask = super.view(c);
        return mask && { ...mask, strides: mask.strides.map((s) => s || 1) };
      }
    },
  }),
  mutant({
    name: 'heads-tiled',
    mistake: 'Query head h reads key head h % num_kv_heads.',
    link: 'https://github.com/ekzhang/jax-js/pull/180',
    catches: ['equivariance/heads', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override kvHead(c: AttentionCase, h: number) {
        return h % sizesOf(c).numKvHeads;
      }
    },
  }),
  mutant({
    name: 'first-key-head-only',
    mistake: 'Every query head reads the first key head where heads are grouped.',
    link: 'https://github.com/apple/axlearn/pull/842',
    catches: ['equivariance/heads'],
    Kernel: class extends Attention {
      override kvHead(c: AttentionCase, h: number) {
        const { numHeads, numKvHeads } = sizesOf(c);
        return numKvHeads < numHeads ? 0 : h;
      }
    },
  }),
  mutant({
    name: 'keys-of-the-first-batch-row',
    mistake: 'Every batch row reads the keys of row 0.',
    catches: ['equivariance/batch-rows', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override key(c: AttentionCase, _b: number, g: number, j: number) {
        return super.key(c, 0, g, j);
      }
    },
  }),
  mutant({
    name: 'mask-follows-the-key-head',
    mistake: 'With grouped heads the mask is indexed by key head.',
    catches: ['equivariance/heads', 'rows/support'],
    Kernel: class extends Attention {
      override cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number) {
        return super.cellIndex(c, mask, b, this.kvHead(c, h), i, j);
      }
    },
  }),
  mutant({
    name: 'last-stride-taken-for-one',
    mistake: 'The keys of a mask are taken to lie side by side, whatever the strides of its other axes.',
    link: 'https://github.com/pytorch/pytorch/issues/112577',
    catches: ['forms/layout'],
    Kernel: class extends Attention {
      override view(c: AttentionCase) {
        const mask = super.view(c);
        return mask && { ...mask, strides: [...mask.strides.slice(0, -1), 1] };
      }
    },
  }),
  mutant({
    name: 'only-the-first-batch-row-masked',
    mistake: 'The mask is written for batch row 0, and the other rows are not masked at all.',
    link: 'https://github.com/ndif-team/nnsight/pull/313',
    catches: ['equivariance/batch-rows', 'padding/no-influence'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        return super.masked(c, b === 0 ? mask : undefined, x, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'group-size-taken-for-the-number-of-groups',
    mistake: 'Query head h reads key head h / num_kv_heads.',
    catches: ['equivariance/heads', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override kvHead(c: AttentionCase, h: number) {
        const { numHeads, numKvHeads } = sizesOf(c);
        return numKvHeads < numHeads ? Math.min(numKvHeads - 1, Math.floor(h / numKvHeads)) : h;
      }
    },
  }),
];
