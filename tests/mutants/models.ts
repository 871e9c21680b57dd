/** Whole models with one mistake each, in what reads the mask, the positions or the cache. */
import { countedPositions, isReal, modelSizesOf, sees, type ModelCase } from '../../reference/model-case';
import type { ModelSupports } from '../../src/backend';
import type { Mutant } from './mutant';
import { modelBackendOf, TinyModel, vocab, type Cache, type Piece, type Vector } from './tiny-model';

interface Parts extends Omit<Mutant, 'backend'> {
  readonly supports?: Partial<ModelSupports>;
  readonly Model: new () => TinyModel;
}

function mutant({ supports, Model, ...rest }: Parts): Mutant {
  return { ...rest, backend: modelBackendOf(rest.name, Model, supports) };
}

const maskAt = (c: ModelCase, b: number, j: number): number => c.mask?.tensor.data[b * c.tokens.shape[1] + j] ?? 1;

export const modelMutants: readonly Mutant[] = [
  mutant({
    name: 'padding-visible',
    mistake: 'The mask is taken and never used.',
    link: 'https://github.com/huggingface/transformers/issues/26061',
    catches: ['models/padding-content', 'models/padding-equals-absence', 'models/gradients-zero-at-padding'],
    Model: class extends TinyModel {
      override keeps(_c: ModelCase, _piece: Piece, i: number, j: number) {
        return j <= i;
      }
    },
  }),
  mutant({
    name: 'positions-count-padding',
    mistake: 'Positions are 0, 1, 2, ... from the left, padding included.',
    link: 'https://github.com/huggingface/transformers/issues/3021',
    catches: ['models/padding-equals-absence', 'models/padding-side'],
    Model: class extends TinyModel {
      override position(_c: ModelCase, _b: number, i: number) {
        return i;
      }
    },
  }),
  mutant({
    name: 'positions-from-the-first-token',
    mistake: 'Positions are counted from the first real token on, gaps included.',
    catches: ['models/padding-equals-absence'],
    Model: class extends TinyModel {
      override position(c: ModelCase, b: number, i: number) {
        const first = Array.from({ length: c.tokens.shape[1] }, (_, j) => j).find((j) => isReal(c, b, j)) ?? 0;
        return Math.max(0, i - first);
      }
    },
  }),
  mutant({
    name: 'future-visible-under-a-padding-mask',
    mistake: 'A mask of two axes takes the place of the causal one.',
    link: 'https://github.com/huggingface/transformers/issues/28032',
    catches: ['models/no-future', 'models/explicit-boolean', 'models/cached-equals-one-shot'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return c.mask?.rank === 2 ? maskAt(c, piece.b, j) !== 0 : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'cache-offset-ignored',
    mistake: 'Positions begin at 0 again in every piece.',
    catches: ['models/cached-equals-one-shot'],
    Model: class extends TinyModel {
      override position(c: ModelCase, b: number, i: number, piece: Piece) {
        return countedPositions(c).data[b * c.tokens.shape[1] + i - piece.start];
      }
    },
  }),
  mutant({
    name: 'mask-ignored-in-decoding',
    mistake: 'A step with one query sees the whole cache, padding included.',
    catches: ['models/cached-equals-one-shot', 'models/padding-content', 'models/padding-equals-absence'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return piece.start > 0 && piece.end - piece.start === 1 ? j <= i : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'causal-from-the-top-left-in-pieces',
    mistake: 'The causal mask of a piece forgets how much is cached.',
    catches: ['models/cached-equals-one-shot'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return super.keeps(c, piece, i, j) && j <= i - piece.start;
      }
    },
  }),
  mutant({
    name: 'mask-of-another-row',
    mistake: 'Every row of the batch reads the mask of the first.',
    catches: ['models/padding-equals-absence', 'models/padding-content'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return c.mask?.rank === 2 ? sees(c, 0, i, j) : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'cache-shared-by-rows',
    mistake: 'The keys of the first token are those of the row before.',
    catches: ['models/rows-apart', 'models/padding-equals-absence'],
    Model: class extends TinyModel {
      private first: { keys: readonly number[]; values: readonly number[] } | undefined;
      override forward(c: ModelCase) {
        this.first = undefined;
        return super.forward(c);
      }
      override remember(cache: Cache, keys: readonly number[][], values: readonly number[][]) {
        super.remember(cache, keys, values);
        if (cache.keys.length > keys.length) return;
        const { first } = this;
        this.first = { keys: keys[0], values: values[0] };
        if (first !== undefined) cache.values[0] = [...first.values];
      }
    },
  }),
  mutant({
    name: 'float-mask-added',
    mistake: 'A floating mask of 0 and 1 is taken for one that is added to the scores.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/issues/1150',
    catches: ['models/mask-dtype', 'models/all-real'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return c.mask?.form === 'float' ? j <= i && (j + i) % 2 === 0 : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'boolean-mask-inverted',
    mistake: 'True is read as padding.',
    catches: ['models/mask-dtype', 'models/all-real', 'models/padding-content'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return c.mask?.rank === 2 && c.mask.form === 'boolean'
          ? j <= i && maskAt(c, piece.b, j) === 0
          : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'explicit-mask-read-as-bias',
    mistake: 'An explicit boolean mask is added as 0 and 1, and padding is seen.',
    catches: ['models/explicit-boolean'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return c.mask?.rank === 4 && c.mask.form === 'boolean' ? j <= i : super.keeps(c, piece, i, j);
      }
    },
  }),
  mutant({
    name: 'explicit-mask-without-the-first-token',
    mistake: 'A causal mask that is off by one is laid over an explicit one.',
    catches: ['models/explicit-boolean', 'models/explicit-additive'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return super.keeps(c, piece, i, j) && (c.mask?.rank !== 4 || j < i || i === 0);
      }
    },
  }),
  mutant({
    name: 'empty-row-poisons-the-batch',
    mistake: 'A row of the batch that is nothing but padding makes the logits of all NaN.',
    catches: ['models/finite', 'models/padding-equals-absence'],
    Model: class extends TinyModel {
      override forward(c: ModelCase) {
        const logits = super.forward(c);
        const { batch, seqLen } = modelSizesOf(c);
        const isEmpty = (b: number) => Array.from({ length: seqLen }, (_, i) => i).every((i) => !isReal(c, b, i));
        return Array.from({ length: batch }, (_, b) => b).some(isEmpty) ? logits.fill(NaN) : logits;
      }
    },
  }),
  mutant({
    name: 'gradient-nan-at-empty-queries',
    mistake: 'The softmax of a query that keeps no key has NaN for a derivative.',
    link: 'https://github.com/pytorch/pytorch/issues/41508',
    catches: ['models/gradients-finite'],
    Model: class extends TinyModel {
      override gradient(c: ModelCase) {
        const gradient = super.gradient(c);
        const { seqLen } = modelSizesOf(c);
        return gradient.map((x, n) => {
          const place = Math.floor((n * c.tokens.data.length) / gradient.length);
          const [b, i] = [Math.floor(place / seqLen), place % seqLen];
          const keepsNone = Array.from({ length: seqLen }, (_, j) => j).every((j) => !sees(c, b, i, j));
          return keepsNone ? NaN : x;
        });
      }
    },
  }),
  mutant({
    name: 'padding-counts-in-the-loss',
    mistake: 'The gradient is that of a loss over padding as well.',
    catches: ['models/gradients-zero-at-padding'],
    Model: class extends TinyModel {
      override loss(c: ModelCase) {
        return super.loss({ ...c, mask: undefined, positionIds: c.positionIds ?? countedPositions(c) });
      }
    },
  }),
  mutant({
    name: 'mask-inverted-in-place',
    mistake: "The caller's mask is turned into an additive one where it lies.",
    link: 'https://github.com/pytorch/pytorch/issues/109072',
    catches: ['models/inputs-unchanged'],
    Model: class extends TinyModel {
      override forward(c: ModelCase) {
        const logits = super.forward(c);
        if (c.mask?.form === 'integer') c.mask.tensor.data.forEach((x, n) => (c.mask!.tensor.data[n] = 1 - x));
        return logits;
      }
    },
  }),
  mutant({
    name: 'batch-normalised',
    mistake: 'Logits are centred over the batch.',
    catches: ['models/rows-apart', 'models/padding-equals-absence'],
    Model: class extends TinyModel {
      override forward(c: ModelCase) {
        const logits = super.forward(c);
        const { batch, seqLen } = modelSizesOf(c);
        const stride = seqLen * vocab;
        return logits.map((x, n) => {
          let sum = 0;
          for (let b = 0; b < batch; b++) sum += logits[b * stride + (n % stride)];
          return x - sum / batch;
        });
      }
    },
  }),
  mutant({
    name: 'window-counts-padding',
    mistake: 'Local attention sees three tokens, padding included.',
    catches: ['models/padding-equals-absence', 'models/padding-side'],
    Model: class extends TinyModel {
      override keeps(c: ModelCase, piece: Piece, i: number, j: number) {
        return super.keeps(c, piece, i, j) && i - j < 3;
      }
    },
  }),
  mutant({
    name: 'last-token-of-the-prompt-only',
    mistake: 'Later pieces see of the cache no more than the last token of the one before.',
    catches: ['models/cached-equals-one-shot'],
    Model: class extends TinyModel {
      override attention(c: ModelCase, piece: Piece, queries: readonly Vector[], cache: Cache) {
        const narrowed = { ...piece, start: piece.start };
        return super.attention(c, narrowed, queries, {
          keys: cache.keys,
          values: cache.values.map((value, j) => (j < piece.start - 1 ? value.map(() => 0) : value)),
        });
      }
    },
  }),
];
