import { withColumnsCut } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { defineProperty } from '../../src/property';

/** A mask that misses the newest key, or has a single column that broadcasts, is filled up with "visible" or dropped without a word by code that pads masks to fit. */
export default defineProperty({
  id: 'padding/short-is-refused',
  statement: 'A mask with fewer columns than keys is an error.',
  compares: 'exact',
  needs: { anyRank: [2, 3, 4] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4], minKvLen: 2 }),
  async check(context, c) {
    const kvLen = c.key.shape[2];
    for (const columns of new Set([kvLen - 1, 1])) {
      const answer = await context.attempt(withColumnsCut(c, columns));
      if (!('error' in answer)) {
        const size = columns === 1 ? '1 column' : `${columns} columns`;
        return { summary: `A mask of ${size} for ${kvLen} keys was answered, not refused.`, rows: [], cells: [] };
      }
    }
    return undefined;
  },
});
