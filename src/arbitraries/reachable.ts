import type { CaseConstraints } from './constraints';
import { limitsOf } from './limits';
import { formsAllowed, kindsAllowed, ranksAllowed } from './masks';

/** Facets that a case is to have, as `describeCase` names them: mask_rank, mask_form, kind, dtype, bridge, heads, rows. */
export type WantedFacets = Readonly<Record<string, string>>;

/** Whether cases with these facets, all of them together, are drawn under the constraints; for any other facet, false. */
export function isReachable(constraints: CaseConstraints, wanted: WantedFacets): boolean {
  const limits = limitsOf(constraints);
  const { mask_rank: rank, mask_form: form, kind, ...others } = wanted;
  const masks = ranksAllowed(limits)
    .filter((r) => rank === undefined || String(r) === rank)
    .filter(
      (r) => form === undefined || (r === 'none' ? form === 'none' : formsAllowed(limits, r).some((f) => f === form)),
    )
    .filter(
      (r) => kind === undefined || (r === 'none' ? kind === 'none' : kindsAllowed(limits, r).some((k) => k === kind)),
    );
  // Without a mask, rows are empty only now and then, by windows.
  const some = others.rows === 'some_empty' ? masks.filter((r) => r !== 'none') : masks;
  if (some.length === 0) return false;
  return Object.entries(others).every(([facet, value]) => {
    switch (facet) {
      case 'dtype':
        return limits.dtypes.some((dtype) => dtype === value);
      case 'bridge':
        return limits.bridges.some((bridge) => bridge === value) && (value === 'base' || limits.maxHeadDim >= 2);
      case 'heads':
        return value === 'single'
          ? limits.groupedHeads !== 'always'
          : limits.maxHeads >= 2 &&
              (value === 'mha' ? limits.groupedHeads !== 'always' : limits.groupedHeads !== 'never');
      case 'rows':
        return limits.emptyRows !== (value === 'some_empty' ? 'never' : 'always');
      default:
        return false;
    }
  });
}
