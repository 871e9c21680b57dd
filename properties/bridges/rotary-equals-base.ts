import type { AttentionCase } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { turned } from '../../reference/rotary';
import { floatTensor } from '../../reference/tensor';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** The same attention on the base bridge, with query and key turned beforehand and rounded to their dtype. */
function turnedBeforehand(c: AttentionCase): AttentionCase {
  const { query, key } = turned(c);
  return {
    ...c,
    bridge: 'base',
    rotary: undefined,
    query: floatTensor(c.query.dtype, c.query.shape, query),
    key: floatTensor(c.key.dtype, c.key.shape, key),
  };
}

/** Two layouts, two ways to count a cached query's position, and a mask path of its own: a rotary kernel can differ from the plain one in more than its angles. */
export default defineProperty({
  id: 'bridges/rotary-equals-base',
  statement: 'The rotary bridge on raw inputs equals the base bridge on inputs that are turned beforehand.',
  compares: 'radius',
  needs: { bridges: ['base', 'rotary'] },
  cases: (domain) => narrow(domain, { bridges: ['rotary'] }),
  // A rotation may lengthen a component by the root of two, which has to be a number of the dtype still.
  guard: (c) => {
    const limit = finfo[c.query.dtype].max / 2;
    return [c.query, c.key].every(({ data }) => data.every((x) => Math.abs(x) <= limit));
  },
  async check(context, c) {
    const twin = turnedBeforehand(c);
    const [rotary, base] = await context.attend([c, twin]);
    return within(context, [c, rotary], [twin, base], { with: 'the base bridge on turned inputs' });
  },
});
