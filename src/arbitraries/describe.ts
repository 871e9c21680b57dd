import type { AttentionCase, Conventions } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { drawnKinds } from './draw-case';
import { hasEmptyRows } from './rows';

/** What a report counts about a case. */
export interface Facet {
  readonly facet: string;
  readonly value: string;
}

/** What kind of case this is, facet by facet; `kind` and `contents` only where the case was drawn and not read from a file. */
export function describeCase(c: AttentionCase, causal: Conventions['causal'] = 'bottom_right'): Facet[] {
  const { batch, numHeads, numKvHeads, qLen, kvLen } = sizesOf(c);
  const drawn = drawnKinds(c);
  const facets: Record<string, string> = {
    mask_rank: c.mask === undefined ? 'none' : String(c.mask.rank),
    mask_form: c.mask?.form ?? 'none',
    dtype: c.query.dtype,
    bridge: c.bridge,
    batch: batch === 1 ? 'one' : 'many',
    heads: numHeads === 1 ? 'single' : numKvHeads < numHeads ? 'grouped' : 'mha',
    rows: hasEmptyRows(c, causal) ? 'some_empty' : 'none_empty',
    is_causal: String(c.isCausal),
    lengths: qLen === kvLen ? 'equal' : qLen < kvLen ? 'cached' : 'cross',
    ...(drawn && { kind: drawn.kind, contents: drawn.contents }),
  };
  return Object.entries(facets).map(([facet, value]) => ({ facet, value }));
}
