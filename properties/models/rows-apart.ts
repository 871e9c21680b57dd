import { isReal, modelSizesOf } from '../../reference/model-case';
import { withTokensChanged } from '../../src/arbitraries/model/changes';
import { identicalLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** Masks of [batch, seq_len] read along the wrong axis, and caches shared by the rows of a batch, show here. */
export default defineModelProperty({
  id: 'models/rows-apart',
  statement:
    'The rows of a batch do not see each other: other tokens in one leave the logits of the others as they were.',
  compares: 'bitwise',
  needs: {},
  cases: (domain) => ({ ...domain, minBatch: 2 }),
  async check(context, c) {
    const rows = Array.from({ length: modelSizesOf(c).batch }, (_, b) => b);
    const others = rows.map((row) => withTokensChanged(c, context.model.vocab, (b) => b === row));
    const [before, ...after] = await context.forward([c, ...others]);
    return identicalLogits(
      context,
      [c, before],
      rows.map((row) => ({
        side: [others[row], after[row]],
        name: `those with other tokens in row ${row}`,
        at: (b, i) => b !== row && isReal(c, b, i),
      })),
    );
  },
});
