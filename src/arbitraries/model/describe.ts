import { modelSizesOf, type ModelCase } from '../../../reference/model-case';
import type { Facet } from '../describe';
import { Dice } from '../dice';
import { maskKindOf, paddingOf } from './masks';

/** What kind of model case this is, facet by facet. */
export function describeModelCase(c: ModelCase): Facet[] {
  const { batch, seqLen } = modelSizesOf(c);
  const facets: Record<string, string> = {
    model_mask: maskKindOf(c),
    padding: paddingOf(c),
    model_dtype: c.dtype,
    decoding: c.chunks === undefined ? 'one_shot' : c.chunks.length === 1 ? 'one_chunk' : 'cached',
    position_ids: c.positionIds === undefined ? 'own' : 'given',
    batch: batch === 1 ? 'one' : 'many',
    length: seqLen === 1 ? 'one' : 'many',
  };
  return Object.entries(facets).map(([facet, value]) => ({ facet, value }));
}

/** The same sizes, mask and features with other tokens, which `number` chooses. Ids stay within those that the case uses, or 8. */
export function withOtherTokens(c: ModelCase, number: number): ModelCase {
  const dice = new Dice(number, 0, 0);
  const largest = Math.max(7, ...c.tokens.data);
  return { ...c, tokens: { ...c.tokens, data: c.tokens.data.map(() => dice.int(0, largest)) } };
}

/** All positions of a case, row by row. */
export function places(c: ModelCase): [b: number, i: number][] {
  const { batch, seqLen } = modelSizesOf(c);
  return Array.from({ length: batch * seqLen }, (_, n) => [Math.floor(n / seqLen), n % seqLen]);
}
