import { sizesOf } from '../../reference/case';
import { pivots, range, takeBatch } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { alike } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** A mask of batch row 0 that serves for all, or a [batch, kv_len] mask read as [q_len, kv_len], shows only where rows differ and change places. */
export default defineProperty({
  id: 'equivariance/batch-rows',
  statement: 'A batch row answers the same alone, among others, and in another place.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  guard: (c) => sizesOf(c).batch > 1,
  async check(context, c) {
    const { batch } = sizesOf(c);
    const orders = [range(batch).reverse(), ...pivots(batch).map((b) => [b])];
    const others = orders.map((order) => takeBatch(c, order));
    const [together, ...apart] = await context.attend([c, ...others]);
    for (const [n, order] of orders.entries()) {
      const violation = alike(context, [c, together], [others[n], apart[n]], {
        with: order.length === 1 ? 'the same batch row alone' : 'the same batch row in reverse order',
        map: (row) => {
          const b = order.indexOf(row.b);
          return b < 0 ? undefined : { ...row, b };
        },
      });
      if (violation) return violation;
    }
    return undefined;
  },
});
