/** What both laws of explicit masks have in common: the mask of [batch, seq_len] that they say in another way. */
import type { ModelCase } from '../../reference/model-case';
import { withMaskSaidAs } from '../../src/arbitraries/model/changes';
import type { ModelConstraints } from '../../src/arbitraries/model/constraints';
import type { ModelSupports } from '../../src/backend';
import { withinLogits } from '../../src/compare/models';
import type { ModelContext, Violation } from '../../src/property';

type Form = ModelSupports['explicitMasks'][number];

/** Why a model cannot be given its mask in both ways. */
export function cannotSayBoth(
  { masks, explicitMasks, positions, positionIds }: ModelSupports,
  form: Form,
): string | undefined {
  if (masks.length === 0) return 'takes no mask of [batch, seq_len]';
  if (!explicitMasks.includes(form)) return `takes no explicit ${form} mask`;
  return positions === 'mask' && !positionIds
    ? 'counts positions by a mask of two axes, and takes no position_ids with one of four'
    : undefined;
}

/** Position ids say where tokens stand under either mask; a model may count them by one and not by the other. */
export function sayableInBoth(domain: ModelConstraints): ModelConstraints {
  return {
    ...domain,
    masks: domain.masks.filter((kind) => kind === 'boolean' || kind === 'integer' || kind === 'float'),
    ...(domain.positionIds === 'allow' && { positionIds: 'always' }),
  };
}

export async function differsFromExplicit(
  context: ModelContext,
  c: ModelCase,
  form: Form,
): Promise<Violation | undefined> {
  const other = withMaskSaidAs(c, `explicit_${form}`);
  const [given, answer] = await context.forward([c, other]);
  return withinLogits(context, [c, given], [{ side: [other, answer], name: `those of its explicit ${form} twin` }]);
}
