/** What several backends can all be asked: the domain that they are compared on. */
import type { Supports, ResolvedSupports, ModelSupports } from '../backend';
import { resolveSupports } from '../supports';

/** The least that all declare, as if one backend declared it; or, as a sentence, why there is nothing that all take. */
export function commonSupports(
  backends: readonly { readonly name: string; readonly supports: ResolvedSupports }[],
): ResolvedSupports | string {
  const models = backends.filter(({ supports }) => supports.model !== undefined);
  if (models.length === backends.length) return commonModel(backends.map(({ supports }) => supports.model!));
  const [first] = models;
  if (first !== undefined) {
    const other = backends.find(({ supports }) => supports.model === undefined);
    return `${first.name} is a whole model and ${other?.name} answers single attention calls.`;
  }
  return commonCalls(backends.map(({ supports }) => supports));
}

function commonCalls(all: readonly ResolvedSupports[]): ResolvedSupports | string {
  const [{ bridges, dtypes, maskRanks, maskForms }] = all;
  const shared = <K extends 'bridges' | 'dtypes' | 'maskRanks' | 'maskForms'>(field: K, values: ResolvedSupports[K]) =>
    (values as readonly unknown[]).filter((value) =>
      all.every((supports) => (supports[field] as readonly unknown[]).includes(value)),
    ) as unknown as ResolvedSupports[K];
  const every = (field: AllOrNone) => all.every((supports) => supports[field]);
  const causal = new Set(all.map((supports) => supports.causal));
  const supports: Partial<Supports> = {
    bridges: shared('bridges', bridges),
    dtypes: shared('dtypes', dtypes),
    maskRanks: shared('maskRanks', maskRanks),
    maskForms: shared('maskForms', maskForms),
    causal: causal.has('none') ? 'none' : all[0].causal,
    bidirectional: every('bidirectional'),
    ...Object.fromEntries(abilities.map((field) => [field, every(field)])),
    // Where the diagonals differ, they meet only where every query has its key.
    ...(causal.size > 1 && !causal.has('none') && { cache: false, crossLength: false }),
  };
  for (const field of ['bridges', 'dtypes'] as const)
    if (supports[field]?.length === 0) return `They have none of ${field} in common.`;
  if (!supports.bidirectional && supports.causal === 'none') return 'Some take only is_causal, and some never do.';
  return resolveSupports(supports);
}

const abilities = [
  'groupedHeads',
  'cache',
  'crossLength',
  'valueDim',
  'scale',
  'slidingWindow',
  'segments',
  'softcap',
] as const;
type AllOrNone = (typeof abilities)[number] | 'bidirectional';

function commonModel(all: readonly ModelSupports[]): ResolvedSupports | string {
  const [first] = all;
  if (all.some(({ vocab }) => vocab !== first.vocab))
    return `Their vocabularies are of ${[...new Set(all.map(({ vocab }) => vocab))].join(' and ')} tokens: these are different models.`;
  const shared = <K extends 'dtypes' | 'masks' | 'explicitMasks'>(field: K) =>
    (first[field] as readonly unknown[]).filter((value) =>
      all.every((model) => (model[field] as readonly unknown[]).includes(value)),
    ) as unknown as ModelSupports[K];
  const positions = new Set(all.map((model) => model.positions));
  const model: ModelSupports = {
    vocab: first.vocab,
    maxLength: Math.min(...all.map(({ maxLength }) => maxLength)),
    dtypes: shared('dtypes'),
    masks: shared('masks'),
    explicitMasks: shared('explicitMasks'),
    positionIds: all.every(({ positionIds }) => positionIds),
    positions: positions.size === 1 ? first.positions : 'index',
    slidingWindow: all.some(({ slidingWindow }) => slidingWindow),
    cache: all.every(({ cache }) => cache),
    gradients: false,
    bitwise: false,
  };
  if (model.dtypes.length === 0) return 'They have no dtype in common.';
  return resolveSupports({ model });
}
