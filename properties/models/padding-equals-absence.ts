import { isReal, modelSizesOf } from '../../reference/model-case';
import { rankOf, realIndices, rowAlone } from '../../src/arbitraries/model/changes';
import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';
import { countsTokens } from './positions';

/** The whole promise of padding, by which texts of different lengths share a batch: side, amount, gaps and the other rows do not matter. */
export default defineModelProperty({
  id: 'models/padding-equals-absence',
  statement:
    'The logits of a row in a padded batch are those of its real tokens alone, whichever side is padded, and how much.',
  compares: 'declared',
  needs: {},
  cases: (domain) => domain,
  guard: (c, { model }) => model !== undefined && countsTokens(c, model),
  async check(context, c) {
    const rows = Array.from({ length: modelSizesOf(c).batch }, (_, b) => b).filter((b) => realIndices(c, b).length > 0);
    const alone = rows.map((b) => rowAlone(c, b));
    const [padded, ...answers] = await context.forward([c, ...alone]);
    return withinLogits(
      context,
      [c, padded],
      rows.map((row, n) => ({
        side: [alone[n], answers[n]],
        name: 'the same tokens alone, without padding',
        at: (b, i) => b === row && isReal(c, b, i),
        map: (b, i) => [0, rankOf(c, b, i)],
      })),
    );
  },
});
