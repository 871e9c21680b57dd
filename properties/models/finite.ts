import { isReal } from '../../reference/model-case';
import { places } from '../../src/arbitraries/model/describe';
import { logitsAt } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** A row that is nothing but padding has queries that keep no key: their NaN is nobody's business as long as it stays there. */
export default defineModelProperty({
  id: 'models/finite',
  statement: 'The logits of every real token are numbers, also beside rows that are nothing but padding.',
  compares: 'exact',
  needs: {},
  cases: (domain) => domain,
  async check(context, c) {
    const [{ logits }] = await context.forward([c]);
    const real = places(c).filter(([b, i]) => isReal(c, b, i));
    const odd = real.filter((place) => !logitsAt(logits, place).every(Number.isFinite));
    context.tally('compared', real.length - odd.length);
    if (odd.length === 0) return undefined;
    const [[b, i]] = odd;
    return {
      summary: `The logits of token ${i} of row ${b} are not all finite${odd.length > 1 ? `; those of ${odd.length} tokens are not` : ''}.`,
      rows: odd.map(([row, token]) => ({ b: row, h: 0, i: token })),
      cells: [],
    };
  },
});
