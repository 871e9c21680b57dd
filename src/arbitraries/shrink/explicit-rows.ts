import type { AttentionCase, Conventions } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { keepGrid } from '../../../reference/masks';
import { readingsOf } from '../rows';
import { range, select } from './select';

/** Queries that one may try this on in one round. */
const ROWS = 4;

/** One query, or the only one, with what causality, window and segments hid from it written into a mask: alone it would see other keys. */
export function* explicitRows(c: AttentionCase, causal: Conventions['causal']): Iterable<AttentionCase> {
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  if (!c.slidingWindow && !c.segments && (qLen < 2 || !c.isCausal)) return;
  const keep = keepGrid(c, readingsOf(c, causal)[0]);
  for (const i of range(Math.min(qLen, ROWS))) {
    const row = { ...select(c, { queries: [i] }), isCausal: false, slidingWindow: undefined, segments: undefined };
    const heads = range(batch * numHeads).map((n) => keep.subarray((n * qLen + i) * kvLen, (n * qLen + i + 1) * kvLen));
    // Heads differ under a 4D mask only, which causality does not touch.
    const padding = Uint8Array.from(range(batch).flatMap((b) => [...heads[b * numHeads]]));
    yield {
      ...row,
      mask: { rank: 2, form: 'boolean', tensor: { dtype: 'bool', shape: [batch, kvLen], data: padding } },
    };
    const data = Uint8Array.from(heads.flatMap((cells) => [...cells]));
    yield {
      ...row,
      mask: { rank: 4, form: 'boolean', tensor: { dtype: 'bool', shape: [batch, numHeads, 1, kvLen], data } },
    };
  }
}
