/** Numbers that stand for "dropped", and what they fail to swallow. */
import type { AttentionCase, EmptyRow } from '../../reference/case';
import { Attention, largest, rounded } from './base';
import type { Row, View } from './base';
import { mutant } from './mutant';

/** Adds a number to dropped scores instead of leaving their keys out. */
function adding(sentinel: number): new () => Attention {
  return class extends Attention {
    override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
      return this.keeps(c, mask, b, h, i, j) ? super.masked(c, mask, x, b, h, i, j) : x + sentinel;
    }
    override shownScores(c: AttentionCase, logits: Row) {
      return logits.map((x) => (x < sentinel / 2 ? -largest[c.query.dtype] : x));
    }
  };
}

/** Puts a number in place of dropped scores, and shows the declared one. */
function filling(sentinel: number): new () => Attention {
  return class extends Attention {
    override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
      return this.keeps(c, mask, b, h, i, j) ? super.masked(c, mask, x, b, h, i, j) : sentinel;
    }
    override shownScores(c: AttentionCase, logits: Row) {
      return logits.map((x) => (x === sentinel ? -largest[c.query.dtype] : x));
    }
  };
}

export const sentinels = [
  mutant({
    name: 'sentinel-of-ten',
    mistake: 'Dropped scores get -10, which leaves them a weight.',
    catches: ['rows/support', 'padding/no-influence', 'composition/softcap'],
    Kernel: adding(-10),
  }),
  mutant({
    name: 'sentinel-of-1e4-added',
    mistake: 'Dropped scores get -10000 and no contract for empty rows is kept.',
    link: 'https://github.com/microsoft/onnxruntime/pull/8549',
    catches: ['rows/fully-masked', 'padding/no-influence'],
    Kernel: adding(-1e4),
  }),
  mutant({
    name: 'sentinel-of-1e5-filled',
    mistake: 'Dropped scores become -100000, above which real scores are not guaranteed to lie.',
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/366',
    catches: ['causality/four-d-is-authoritative', 'numerics/agrees-with-reference', 'padding/no-influence'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: filling(-1e5),
  }),
  mutant({
    name: 'sentinel-of-1e9-filled',
    mistake: 'Dropped scores become -1e9, which is a bias that a caller may give to the keys that are kept.',
    catches: ['causality/four-d-is-authoritative', 'numerics/agrees-with-reference', 'padding/no-influence'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: filling(-1e9),
  }),
  mutant({
    name: 'sentinel-shown-as-1e9',
    mistake: 'Hooks see -1e9 where the smallest number of the type is declared.',
    catches: ['hooks/sentinel'],
    Kernel: class extends Attention {
      override shownScores(_c: AttentionCase, logits: Row) {
        return logits.map((x) => (x === -Infinity ? -1e9 : x));
      }
    },
  }),
  mutant({
    name: 'sentinel-of-float32-in-half',
    mistake: "The smallest float32 is cast to the scores' type, where it is -inf.",
    link: 'https://github.com/ahrefs/ocannl/issues/548',
    catches: ['hooks/sentinel'],
    Kernel: class extends Attention {
      override shownScores(_c: AttentionCase, logits: Row) {
        return logits.map((x) => (x === -Infinity ? -largest.float32 : x));
      }
    },
  }),
  mutant({
    name: 'two-sentinels-summed',
    mistake: 'Padding and causality each add the smallest number, and twice that is -inf.',
    link: 'https://github.com/huggingface/transformers/pull/27114',
    catches: ['rows/fully-masked'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        if (this.keeps(c, mask, b, h, i, j)) return super.masked(c, mask, x, b, h, i, j);
        const { dtype } = c.query;
        const padded = mask && !this.cellKeeps(c, this.cell(c, mask, b, h, i, j)) ? -largest[dtype] : 0;
        const future = this.causal(c, i, j) ? 0 : -largest[dtype];
        return padded + future === 0 ? -largest[dtype] : rounded(dtype, padded + future);
      }
      override emptyRow(): EmptyRow {
        return 'nan';
      }
    },
  }),
  mutant({
    name: 'padding-and-causality-with-two-fillers',
    mistake: 'Padding is filled with -1e4 and the future with -inf, so a row without keys averages its padded past.',
    link: 'https://github.com/microsoft/onnxruntime/issues/14363',
    catches: ['rows/fully-masked'],
    supports: { fullyMaskedRow: 'uniform' },
    Kernel: class extends Attention {
      override masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number) {
        const kept = this.keeps(c, mask, b, h, i, j);
        return !kept && this.causal(c, i, j) ? -1e4 : super.masked(c, mask, x, b, h, i, j);
      }
    },
  }),
  mutant({
    name: 'maximum-clamped',
    mistake: 'Against NaN the largest score is clamped to -50, and rows that lie lower vanish.',
    link: 'https://github.com/tracel-ai/burn/pull/4697',
    catches: ['numerics/large-scores'],
    Kernel: class extends Attention {
      override softmax(logits: Row) {
        const top = Math.max(-50, ...logits);
        const powers = logits.map((x) => Math.fround(Math.exp(x - top)));
        const total = Math.max(
          1e-6,
          powers.reduce((a, b) => a + b, 0),
        );
        return powers.map((p) => p / total);
      }
    },
  }),
];
