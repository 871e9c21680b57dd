import { keepGrid } from '../../reference/masks';
import { droppedKeySets } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { leaks } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** A [batch, kv_len] mask broadcast as if it were [q_len, kv_len] passes every shape check when batch == q_len. */
export default defineProperty({
  id: 'padding/no-influence',
  statement:
    'A dropped key has no influence: other numbers in its key and value leave every row that does not keep it as it was.',
  compares: 'bitwise',
  needs: { anyRank: [2, 3, 4] },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4] }),
  async check(context, c) {
    const keep = keepGrid(c, context.supports);
    return leaks(context, c, keep, { sets: droppedKeySets(c, keep), extremes: true });
  },
});
