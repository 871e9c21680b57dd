/** What a call leaves behind, and what a call is shown to have done. */
import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { Attention, indices, largest } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

export const state = [
  mutant({
    name: 'mask-changed-in-place',
    mistake: "masked_fill_ is called on the caller's mask.",
    link: 'https://github.com/pytorch/pytorch/issues/109072',
    catches: ['state/inputs-unchanged'],
    Kernel: class extends Attention {
      override run(c: AttentionCase) {
        const answer = super.run(c);
        c.mask?.tensor.data.fill(c.mask.form === 'additive' ? -largest[c.mask.tensor.dtype] : 0);
        return answer;
      }
    },
  }),
  mutant({
    name: 'query-scaled-in-place',
    mistake: "query *= scale writes into the caller's tensor.",
    link: 'https://github.com/Shujun-He/RibonanzaNet/issues/7',
    catches: ['state/inputs-unchanged'],
    Kernel: class extends Attention {
      override run(c: AttentionCase) {
        const answer = super.run(c);
        c.query.data.forEach((x, n) => (c.query.data[n] = x / 2));
        return answer;
      }
    },
  }),
  mutant({
    name: 'padded-values-zeroed-in-place',
    mistake: "Values of padding are set to zero in the caller's tensor.",
    link: 'https://github.com/pytorch/pytorch/issues/39639',
    catches: ['state/inputs-unchanged'],
    Kernel: class extends Attention {
      override run(c: AttentionCase) {
        const answer = super.run(c);
        const { kvLen, vHeadDim } = sizesOf(c);
        const mask = this.view(c);
        if (!mask || c.mask?.rank !== 2) return answer;
        const padded = indices(kvLen).filter((j) => !this.cellKeeps(c, this.cell(c, mask, 0, 0, 0, j)));
        padded.forEach((j) => c.value.data.fill(0, j * vHeadDim, (j + 1) * vHeadDim));
        return answer;
      }
    },
  }),
  mutant({
    name: 'mask-cached-by-shape',
    mistake: 'The mask of the first call is used for every later call of its shape.',
    link: 'https://github.com/unslothai/unsloth/issues/3283',
    catches: ['state/no-history'],
    Kernel: class extends Attention {
      private readonly seen = new Map<string, View | undefined>();
      override view(c: AttentionCase) {
        const key = `${String(c.mask?.form)} ${String(c.mask?.tensor.shape)}`;
        if (!this.seen.has(key)) {
          const mask = super.view(c);
          this.seen.set(key, mask && { ...mask, storage: Array.from(mask.storage) });
        }
        return this.seen.get(key);
      }
    },
  }),
  mutant({
    name: 'keys-kept-between-calls',
    mistake: "A key cache is not reset: the first key of a call is the last call's.",
    link: 'https://github.com/unslothai/unsloth/issues/3283',
    catches: ['state/no-history'],
    Kernel: class extends Attention {
      private last: Row | undefined;
      override run(c: AttentionCase) {
        const answer = super.run(c);
        this.last = Array.from(c.key.data);
        return answer;
      }
      override key(c: AttentionCase, b: number, g: number, j: number) {
        const { headDim, numKvHeads, kvLen } = sizesOf(c);
        const kept = this.last?.length === c.key.data.length && j === 0;
        const start = (b * numKvHeads + g) * kvLen * headDim;
        return kept ? (this.last ?? []).slice(start, start + headDim) : super.key(c, b, g, j);
      }
    },
  }),
  mutant({
    name: 'dropout-left-on',
    mistake: 'One weight in eight is dropped, as in training, and another one each time.',
    catches: ['state/deterministic'],
    Kernel: class extends Attention {
      private random = 1;
      override softmax(logits: Row) {
        return super.softmax(logits).map((p) => {
          this.random = (this.random * 48271) % 2147483647;
          return this.random % 8 === 0 ? 0 : (p * 8) / 7;
        });
      }
    },
  }),
  mutant({
    name: 'sums-in-any-order',
    mistake: 'The order of a sum changes from call to call, and determinism is declared.',
    catches: ['state/deterministic'],
    Kernel: class extends Attention {
      private calls = 0;
      override run(c: AttentionCase) {
        this.calls += 1;
        return super.run(c);
      }
      override softmax(logits: Row) {
        return super.softmax(logits).map((p) => (this.calls % 2 === 0 ? p * (1 + 2 ** -20) : p));
      }
    },
  }),
  mutant({
    name: 'weights-before-the-mask',
    mistake: 'The weights that hooks see are a softmax without the mask.',
    catches: ['hooks/weights-times-values', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override shownWeights(_c: AttentionCase, _weights: Row, plain: Row) {
        return this.softmax(plain);
      }
    },
  }),
  mutant({
    name: 'weights-rounded-for-show',
    mistake: 'The weights that hooks see are not those that meet the values: they are cut to eight bits.',
    catches: ['hooks/weights-times-values'],
    Kernel: class extends Attention {
      override shownWeights(_c: AttentionCase, weights: Row) {
        return weights.map((p) => Math.round(p * 256) / 256);
      }
    },
  }),
  mutant({
    name: 'scores-without-the-mask',
    mistake: 'The scores that hooks see do not show what is dropped.',
    catches: ['hooks/sentinel'],
    Kernel: class extends Attention {
      override shownScores(_c: AttentionCase, _logits: Row, _weights: Row, plain: Row) {
        return plain;
      }
    },
  }),
  mutant({
    name: 'scores-after-the-softmax',
    mistake: 'The scores that hooks see are the weights.',
    catches: ['hooks/sentinel', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override shownScores(_c: AttentionCase, _logits: Row, weights: Row) {
        return weights;
      }
    },
  }),
  mutant({
    name: 'scores-before-the-bias',
    mistake: 'The scores that hooks see lack the finite bias.',
    catches: ['hooks/sentinel', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      override shownScores(c: AttentionCase, logits: Row, weights: Row, plain: Row) {
        const shown = plain.map((x, j) => (logits[j] === -Infinity ? -Infinity : x));
        return super.shownScores(c, shown, weights, plain);
      }
    },
  }),
  mutant({
    name: 'scale-lost-when-scores-are-asked',
    mistake: 'The path that returns scores does not scale.',
    catches: ['hooks/asking-changes-nothing'],
    Kernel: class extends Attention {
      override scaled(c: AttentionCase, dot: number) {
        return c.want.scores ? dot : super.scaled(c, dot);
      }
    },
  }),
  mutant({
    name: 'answers-share-a-buffer',
    mistake: 'All answers of one length are written to one buffer, and the last one is what all of them show.',
    catches: ['numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      private readonly buffers = new Map<number, Float64Array>();
      override run(c: AttentionCase) {
        const answer = super.run(c);
        if ('error' in answer) return answer;
        const { data } = answer.output;
        const buffer = this.buffers.get(data.length) ?? new Float64Array(data.length);
        this.buffers.set(data.length, buffer);
        buffer.set(data);
        return { ...answer, output: { ...answer.output, data: buffer } };
      }
    },
  }),
  mutant({
    name: 'scale-of-the-first-call',
    mistake: 'The scale is read once a session, and later calls use the first one.',
    catches: ['state/no-history', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      private first: number | undefined;
      override scaled(c: AttentionCase, dot: number) {
        this.first ??= c.scale;
        return dot * this.first;
      }
    },
  }),
  mutant({
    name: 'causality-of-the-first-call',
    mistake: 'A compiled graph keeps the isCausal of the call that it was traced with, shape by shape.',
    catches: ['state/no-history', 'numerics/agrees-with-reference'],
    Kernel: class extends Attention {
      private readonly traced = new Map<string, boolean>();
      override causal(c: AttentionCase, i: number, j: number) {
        const shape = `${String(c.query.shape)} ${String(c.key.shape)}`;
        const isCausal = this.traced.get(shape) ?? c.isCausal;
        this.traced.set(shape, isCausal);
        return super.causal({ ...c, isCausal: isCausal && c.query.shape[2] <= c.key.shape[2] }, i, j);
      }
    },
  }),
];
