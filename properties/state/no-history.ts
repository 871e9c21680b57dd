import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { withEntries, withKeysReplaced } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import type { ResolvedSupports } from '../../src/backend';
import { identical } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** The same shapes under another scale, the other causality and other positions, as far as the backend takes them. */
function calledOtherwise(c: AttentionCase, { scale, causal, bidirectional }: ResolvedSupports): AttentionCase {
  const { qLen, kvLen } = sizesOf(c);
  const { rotary } = c;
  return {
    ...c,
    scale: scale ? c.scale / 2 : c.scale,
    isCausal: causal !== 'none' && bidirectional && qLen <= kvLen ? !c.isCausal : c.isCausal,
    rotary: rotary && {
      ...rotary,
      base: 2 * rotary.base,
      positionIds: { ...rotary.positionIds, data: rotary.positionIds.data.map((x) => Math.max(0, x - 1)) },
    },
  };
}

/** Calls of the same shapes with other numbers: first, and so for a cache to hold on to, a mask that keeps what this one drops. */
function othersBefore(c: AttentionCase, supports: ResolvedSupports): AttentionCase[] {
  const elsewhere = withKeysReplaced(c, () => true, 1);
  const opposite = withEntries(elsewhere, (add) => (add === undefined ? 0 : undefined));
  return [calledOtherwise(opposite, supports), elsewhere];
}

/** A mask cached by its shape, or a graph traced with the first call's flags, answers "the same twice" and "A, B, A" rightly; only a fresh session knows better. */
export default defineProperty({
  id: 'state/no-history',
  statement: 'A call gives the same in a fresh session as after other calls.',
  compares: 'bitwise',
  needs: {},
  exclusive: true,
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    const [fresh] = await context.inFreshSession((attend) => attend([c]));
    const [later] = await context.inFreshSession(async (attend) => {
      for (const other of othersBefore(c, context.supports)) await attend([other]);
      return attend([c]);
    });
    return identical(context, [c, fresh], [c, later], { with: 'a fresh session' });
  },
});
