import { countedPositions, modelProblemOf, modelSizesOf, type ModelCase } from '../../../reference/model-case';
import type { ModelConstraints } from './constraints';
import { maskKindOf, paddingOf } from './masks';

/** Why a model case is outside of the constraints, in one sentence; undefined where it belongs. */
export function admitsModel(limits: ModelConstraints, c: ModelCase): string | undefined {
  const problem = modelProblemOf(c);
  if (problem !== undefined) return problem;
  const { batch, seqLen } = modelSizesOf(c);
  if (batch > limits.maxBatch || batch < limits.minBatch)
    return `batch ${batch} is outside of ${limits.minBatch} to ${limits.maxBatch}.`;
  if (seqLen > limits.maxLength || seqLen < limits.minLength)
    return `seq_len ${seqLen} is outside of ${limits.minLength} to ${limits.maxLength}.`;
  const largest = Math.max(...c.tokens.data);
  if (largest >= limits.vocab) return `Token ${largest} is outside of a vocabulary of ${limits.vocab}.`;
  if (!limits.dtypes.includes(c.dtype)) return `${c.dtype} is not among ${limits.dtypes.join(', ')}.`;
  const kind = maskKindOf(c);
  if (!limits.masks.includes(kind)) return `A mask of kind ${kind} is not among ${limits.masks.join(', ')}.`;
  const padding = paddingOf(c);
  if (padding !== 'none' && !limits.paddings.includes(padding))
    return `Padding of kind ${padding} is not among ${limits.paddings.join(', ')}.`;
  if (limits.want.gradients && !c.want.gradients) return 'Gradients are not asked for.';
  return (
    presenceProblem('position_ids', limits.positionIds, c.positionIds !== undefined) ??
    (limits.explicitIsPlaced && c.mask?.rank === 4 && c.positionIds === undefined
      ? 'position_ids are missing beside an explicit mask.'
      : undefined) ??
    presenceProblem('chunks', limits.chunks, c.chunks !== undefined) ??
    positionsProblem(c)
  );
}

function presenceProblem(name: string, presence: ModelConstraints['chunks'], given: boolean): string | undefined {
  if (presence === 'always' && !given) return `${name} is missing.`;
  return presence === 'never' && given ? `${name} is given.` : undefined;
}

/** Position ids that are not counted from the mask mean another text, which no law speaks of. */
function positionsProblem(c: ModelCase): string | undefined {
  if (c.positionIds === undefined) return undefined;
  const due = countedPositions(c).data;
  return c.positionIds.data.every((position, n) => position === due[n])
    ? undefined
    : 'position_ids are not counted from the mask.';
}
