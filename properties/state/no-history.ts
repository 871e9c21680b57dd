import type { AttentionCase } from '../../reference/case';
import { withEntries, withKeysReplaced } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { identical } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Calls of the same shapes with other numbers: first, and so for a cache to hold on to, a mask that keeps what this one drops. */
function othersBefore(c: AttentionCase): AttentionCase[] {
  const elsewhere = withKeysReplaced(c, () => true, 1);
  return [withEntries(elsewhere, (add) => (add === undefined ? 0 : undefined)), elsewhere];
}

/** A mask cached by its shape answers "the same twice" and "A, B, A" rightly; only a fresh session knows better. */
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
      for (const other of othersBefore(c)) await attend([other]);
      return attend([c]);
    });
    return identical(context, [c, fresh], [c, later], { with: 'a fresh session' });
  },
});
