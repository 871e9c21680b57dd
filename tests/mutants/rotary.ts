/** Rotary embedding: the wrong features, the wrong angle, the wrong position, or a bridge that masks in its own way. */
import type { AttentionCase, Rotary } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, vector } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

export const rotary = [
  mutant({
    name: 'rotary-layouts-swapped',
    mistake: 'Halves are turned where pairs are meant, and pairs where halves are.',
    catches: ['bridges/rotary-equals-base', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override pair(rotary: Rotary, n: number) {
        return super.pair({ ...rotary, layout: rotary.layout === 'half' ? 'interleaved' : 'half' }, n);
      }
    },
  }),
  mutant({
    name: 'rotary-positions-counted',
    mistake: 'Positions are counted from 0 whatever positionIds says, so padding shifts them.',
    link: 'https://github.com/huggingface/transformers/pull/29583',
    catches: ['bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override positionId(_c: AttentionCase, _b: number, at: number) {
        return at;
      }
    },
  }),
  mutant({
    name: 'rotary-queries-from-zero',
    mistake: 'With a cache, queries are turned as if they were the first tokens.',
    link: 'https://github.com/unslothai/unsloth/issues/3699',
    catches: ['bridges/rotary-equals-base', 'causality/cached-equals-full'],
    Kernel: class extends Attention {
      override query(c: AttentionCase, b: number, h: number, i: number) {
        return this.turned(c, vector(c.query, b, h, i), b, i);
      }
    },
  }),
  mutant({
    name: 'rotary-of-the-last-features',
    mistake: 'A partial rotation turns the end of a head and not its beginning.',
    catches: ['bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override rotate(rotary: Rotary, x: Row, position: number) {
        const still = x.length - rotary.rotaryDim;
        return [...x.slice(0, still), ...super.rotate(rotary, x.slice(still), position)];
      }
    },
  }),
  mutant({
    name: 'rotary-frequencies-of-the-whole-head',
    mistake: 'A partial rotation takes its frequencies from head_dim.',
    catches: ['bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override rotate(rotary: Rotary, x: Row, position: number) {
        const base = rotary.base ** (rotary.rotaryDim / x.length);
        return super.rotate({ ...rotary, base }, x, position);
      }
    },
  }),
  mutant({
    name: 'rotary-positions-of-the-first-batch-row',
    mistake: 'One row of positions serves the whole batch.',
    link: 'https://github.com/unslothai/unsloth/issues/3699',
    catches: ['bridges/rotary-equals-base', 'equivariance/batch-rows'],
    Kernel: class extends Attention {
      override positionId(c: AttentionCase, _b: number, at: number) {
        return super.positionId(c, 0, at);
      }
    },
  }),
  mutant({
    name: 'rotary-of-new-keys-only',
    mistake: 'Keys from the cache are taken to be turned already.',
    catches: ['bridges/rotary-equals-base', 'causality/cached-equals-full', 'bridges/rotary-shift'],
    Kernel: class extends Attention {
      override key(c: AttentionCase, b: number, g: number, j: number) {
        const { qLen, kvLen } = sizesOf(c);
        return j < kvLen - qLen ? vector(c.key, b, g, j) : super.key(c, b, g, j);
      }
    },
  }),
  mutant({
    name: 'rotary-of-queries-only',
    mistake: 'Keys are not turned.',
    catches: ['bridges/rotary-shift', 'bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override key(c: AttentionCase, b: number, g: number, j: number) {
        return vector(c.key, b, g, j);
      }
    },
  }),
  mutant({
    name: 'rotary-keys-turned-back',
    mistake: 'Queries and keys turn in opposite directions.',
    catches: ['bridges/rotary-shift'],
    Kernel: class extends Attention {
      override key(c: AttentionCase, b: number, g: number, j: number) {
        const x = vector(c.key, b, g, j);
        return c.rotary && c.bridge === 'rotary' ? this.rotate(c.rotary, x, -this.positionId(c, b, j)) : x;
      }
    },
  }),
  mutant({
    name: 'rotary-clockwise',
    mistake:
      'Queries and keys both turn the wrong way, which keeps every law of positions and is not the same rotation.',
    catches: ['bridges/rotary-equals-base', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override rotate(rotary: Rotary, x: Row, position: number) {
        return super.rotate(rotary, x, -position);
      }
    },
  }),
  mutant({
    name: 'rotary-bridge-adds-booleans',
    mistake: 'The rotary bridge has its own masking, and adds a boolean mask to the scores.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1198',
    catches: ['bridges/same-cells', 'bridges/rotary-equals-base', 'forms/boolean-equals-additive'],
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        if (!mask || c.bridge !== 'rotary' || c.mask?.form !== 'boolean') return super.masked(c, mask, x, b, h, i, j);
        return super.masked(c, undefined, x + this.cell(c, mask, b, h, i, j), b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'rotary-bridge-shifts-the-diagonal',
    mistake: 'The rotary bridge builds its own triangle, one key short.',
    catches: ['bridges/same-cells', 'bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override causal(c: AttentionCase, i: number, j: number) {
        const own = c.bridge === 'rotary' && c.isCausal && j === this.position(c, i) && j > 0;
        return !own && super.causal(c, i, j);
      }
    },
  }),
  mutant({
    name: 'causality-by-position-ids',
    mistake: 'The causal mask compares positionIds, which padding makes equal, instead of places in the sequence.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1610',
    catches: ['bridges/same-cells'],
    Kernel: class extends Attention {
      override keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number) {
        if (!c.rotary || c.bridge !== 'rotary' || !c.isCausal || c.mask?.rank === 4) {
          return super.keeps(c, mask, b, h, i, j);
        }
        const seen = this.positionId(c, b, j) <= this.positionId(c, b, this.position(c, i));
        return seen && super.keeps({ ...c, isCausal: false }, mask, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'rotary-base-ignored',
    mistake: 'The base of the frequencies is 10000 whatever is given.',
    catches: ['bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override rotate(rotary: Rotary, x: Row, position: number) {
        return super.rotate({ ...rotary, base: 10000 }, x, position);
      }
    },
  }),
  mutant({
    name: 'rotary-table-too-short',
    mistake: 'The table of angles has 1,024 rows, and later positions read the last one.',
    catches: ['bridges/rotary-equals-base'],
    Kernel: class extends Attention {
      override positionId(c: AttentionCase, b: number, at: number) {
        return Math.min(1023, super.positionId(c, b, at));
      }
    },
  }),
];
