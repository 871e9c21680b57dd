/** Calls of whole models. */
import type { FloatTensor, Tensor } from '../../reference/case';
import { modelSizesOf, type ModelCase, type ModelMask } from '../../reference/model-case';
import { admitsModel } from '../arbitraries/model/admits';
import type { ModelConstraints } from '../arbitraries/model/constraints';
import { isModelReachable } from '../arbitraries/model/reachable';
import { describeModelCase, withOtherTokens } from '../arbitraries/model/describe';
import { modelCase, modelEmptiness } from '../arbitraries/model/model-case';
import type { ModelAbility, ModelSupports, ResolvedSupports } from '../backend';
import type { ModelProperty } from '../property';
import type { CaseKind, Reading, Result } from './kind';
import { describe, readTensor } from './read-tensor';

export const model: CaseKind = {
  name: 'model',
  unmet: (property: ModelProperty, supports) =>
    supports.model === undefined
      ? 'answers single attention calls, and is no whole model'
      : unmetBy(property, supports.model),
  emptiness: (property: ModelProperty, supports) => modelEmptiness(casesOf(property, supports)),
  arbitrary: (property: ModelProperty, supports) => modelCase(casesOf(property, supports)),
  admits: (property: ModelProperty, supports, c: ModelCase) => admitsModel(casesOf(property, supports), c),
  reachable(property: ModelProperty, supports) {
    const constraints = casesOf(property, supports);
    return (facets) => isModelReachable(constraints, facets);
  },
  copy: (c: ModelCase): ModelCase => ({
    ...c,
    tokens: copied(c.tokens),
    ...(c.mask && { mask: { ...c.mask, tensor: copied(c.mask.tensor) } as ModelMask }),
    ...(c.positionIds && { positionIds: copied(c.positionIds) }),
  }),
  tensorsOf: ({ tokens, mask, positionIds }: ModelCase) => [
    ['tokens', tokens],
    ['mask', mask?.tensor],
    ['position_ids', positionIds],
  ],
  read,
  describe: (c: ModelCase) => describeModelCase(c),
  sizes(c: ModelCase) {
    const { batch, seqLen } = modelSizesOf(c);
    return { batch, seq_len: seqLen };
  },
  withOtherContents: (c: ModelCase, number) => withOtherTokens(c, number),
};

const copied = <T extends Tensor>(t: T): T => ({ ...t, shape: t.shape.slice(), data: t.data.slice() });

/** A property of models is only ever drawn for a backend that is one. */
const casesOf = (property: ModelProperty, supports: ResolvedSupports): ModelConstraints =>
  property.cases(modelDomain(supports.model as ModelSupports));

const abilityWords: Readonly<Record<ModelAbility, string>> = {
  cache: 'decoding with a cache',
  gradients: 'gradients',
};

function unmetBy({ needs }: ModelProperty, supports: ModelSupports): string | undefined {
  const missing = needs.abilities?.find((ability) => !supports[ability]);
  return missing === undefined ? needs.other?.(supports) : `does not declare ${abilityWords[missing]}`;
}

/** All the cases that a model declares it can take. */
function modelDomain({
  vocab,
  maxLength,
  dtypes,
  masks,
  explicitMasks,
  positionIds,
  positions,
  cache,
}: ModelSupports): ModelConstraints {
  const counts = positions === 'mask';
  const explicit = counts && !positionIds ? [] : explicitMasks;
  return {
    vocab,
    // Where others are declared, float64 is what their errors are measured against.
    dtypes: dtypes.some((dtype) => dtype !== 'float64') ? dtypes.filter((dtype) => dtype !== 'float64') : dtypes,
    masks: ['none', ...masks, ...explicit.map((form) => `explicit_${form}` as const)],
    paddings: masks.length + explicit.length > 0 ? ['none', 'right', 'left', 'interior', 'rows'] : ['none'],
    positionIds: positionIds ? 'allow' : 'never',
    explicitIsPlaced: counts,
    chunks: cache ? 'allow' : 'never',
    minBatch: 1,
    maxBatch: 3,
    minLength: 1,
    maxLength: Math.min(8, maxLength),
    want: {},
  };
}

function read(
  given: object,
  c: ModelCase,
  { model: supports }: ResolvedSupports,
  { isOurs, changed }: Reading,
): Result {
  const { batch, seqLen } = modelSizesOf(c);
  const { logits: told, gradients } = given as { logits?: unknown; gradients?: unknown };
  const logits = readTensor(told, 'logits', c.dtype, [batch, seqLen, supports?.vocab ?? 0], isOurs);
  if (typeof logits === 'string') return { malformed: logits };
  const embedding = c.want.gradients && supports?.gradients ? readEmbedding(gradients, c, isOurs) : undefined;
  if (typeof embedding === 'string') return { malformed: embedding };
  return {
    logits,
    ...(embedding && { gradients: { embedding } }),
    get changed() {
      return changed();
    },
  };
}

/** How wide an embedding is, is the model's own affair. */
function readEmbedding(given: unknown, c: ModelCase, isOurs: boolean): FloatTensor | string {
  const { embedding } = (given ?? {}) as { embedding?: { shape?: unknown } };
  if (typeof embedding !== 'object' || embedding === null)
    return `answered gradients ${describe(given)} where { embedding } is due`;
  const width = Array.isArray(embedding.shape) ? Number(embedding.shape[2]) : 0;
  const { batch, seqLen } = modelSizesOf(c);
  return readTensor(embedding, 'gradients.embedding', c.dtype, [batch, seqLen, width], isOurs);
}
