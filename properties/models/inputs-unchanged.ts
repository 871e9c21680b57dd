import { defineModelProperty } from '../../src/property';

/** A mask is built on in place, and whoever calls again with the same one is told another text is padding. */
export default defineModelProperty({
  id: 'models/inputs-unchanged',
  statement: 'Tokens, mask and positions are byte for byte what they were before the call.',
  compares: 'exact',
  needs: {},
  cases: (domain) => domain,
  async check(context, c) {
    const [{ changed }] = await context.forward([c]);
    return changed.length === 0
      ? undefined
      : { summary: `The call wrote into ${changed.join(' and ')}.`, rows: [], cells: [] };
  },
});
