import { withForm } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** A boolean mask that meets `scores + mask` adds 1 to what it keeps and 0 to what it drops; where every row keeps a prefix, the 1 cancels in the softmax and nothing shows. */
export default defineProperty({
  id: 'forms/boolean-equals-additive',
  statement: 'A boolean mask and the additive mask of the same cells, with finfo.min or -inf, give the same output.',
  compares: 'radius',
  needs: { anyRank: [2, 3, 4], forms: ['boolean', 'additive'] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4], maskForms: ['boolean'] }),
  async check(context, c) {
    const finfo = withForm(c, 'additive', 'finfo');
    const inf = withForm(c, 'additive', 'inf');
    const [boolean, byFinfo, byInf] = await context.attend([c, finfo, inf]);
    return (
      within(context, [c, boolean], [finfo, byFinfo], { with: 'its boolean twin when finfo.min drops' }) ??
      within(context, [c, boolean], [inf, byInf], { with: 'its boolean twin when -inf drops' })
    );
  },
});
