import type { AttentionCase, MaskForm } from '../../reference/case';
import { keepGrid } from '../../reference/masks';
import { droppedKeySets, rowsKeepingNone, withPoison } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import type { ResolvedSupports } from '../../src/backend';
import { identical } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

const poisons = [NaN, Infinity, -Infinity];
const tensors = ['key', 'value'] as const;

/** The forms of mask under which a tensor may hold poison in dropped keys. */
function declared({ poison }: ResolvedSupports, tensor: (typeof tensors)[number]): readonly MaskForm[] {
  return (tensor === 'key' ? poison?.keys : poison?.values) ?? [];
}

/** What the mask itself drops: the declaration is about forms of mask, and says nothing of causality, windows and segments. */
function maskAlone(c: AttentionCase): AttentionCase {
  return { ...c, isCausal: false, slidingWindow: undefined, segments: undefined };
}

/** Memory that was never written holds NaN sooner or later; 0 * NaN is NaN, so leaving a key out and giving it weight 0 are two things. */
export default defineProperty({
  id: 'padding/poison',
  statement:
    'NaN and infinities in the keys and values that the mask drops do not spread, where the backend declares so.',
  compares: 'bitwise',
  needs: {
    anyRank: [2, 3, 4],
    other: (supports) =>
      tensors.some((tensor) => declared(supports, tensor).some((form) => supports.maskForms.includes(form)))
        ? undefined
        : 'declares no poison that it keeps from spreading',
  },
  cases: (domain, supports) =>
    narrow(domain, {
      maskRanks: [2, 3, 4],
      maskForms: [...new Set(tensors.flatMap((tensor) => declared(supports, tensor)))],
    }),
  async check(context, c) {
    const keep = keepGrid(c, context.supports);
    const byMask = keepGrid(maskAlone(c), context.supports);
    const variants = droppedKeySets(c, byMask)
      .slice(0, 2)
      .flatMap((which) => {
        const whole = rowsKeepingNone(c, keep, which);
        const rows = rowsKeepingNone(c, byMask, which).map((row, n) => row & whole[n]);
        if (!rows.includes(1)) return [];
        return tensors
          .filter((tensor) => c.mask !== undefined && declared(context.supports, tensor).includes(c.mask.form))
          .flatMap((tensor) =>
            poisons.map((poison) => ({ tensor, poison, rows, c: withPoison(c, tensor, which, poison) })),
          );
      });
    if (variants.length === 0) return undefined;
    const [before, ...answers] = await context.attend([c, ...variants.map((variant) => variant.c)]);
    for (const [n, { tensor, poison, rows, c: poisoned }] of variants.entries()) {
      const found = identical(context, [c, before], [poisoned, answers[n]], {
        with: `what it was before ${poison} was put into each ${tensor} that it does not keep`,
        rows,
        poisoned: true,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
