/** Which kinds of model case constraints leave. */
import type { Presence } from '../constraints';
import type { ModelConstraints } from './constraints';

/** Whether cases with all of these facets are drawn as often as the others: what only follows from something else is not told. */
export function isModelReachable(limits: ModelConstraints, facets: Readonly<Record<string, string>>): boolean {
  const { masks, paddings, positionIds, chunks, maxLength } = limits;
  // Gaps and steps need room: in a few tokens they are rare.
  const isLong = maxLength >= 6;
  return Object.entries(facets).every(([facet, value]) => {
    switch (facet) {
      case 'model_mask':
        return has(masks, value);
      case 'padding':
        if (value === 'none') return has(paddings, value);
        return has(paddings, value) && isLong && masks.some((kind) => kind !== 'none');
      case 'decoding':
        return may(chunks, value !== 'one_shot') && (value !== 'cached' || isLong);
      case 'position_ids':
        return may(positionIds, value === 'given');
      default:
        return false;
    }
  });
}

const has = (list: readonly string[], value: string): boolean => list.includes(value);
const may = (presence: Presence, isThere: boolean): boolean =>
  presence === 'allow' || (presence === 'always') === isThere;
