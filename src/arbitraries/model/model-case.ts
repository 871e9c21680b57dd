import fc from 'fast-check';
import { isModelCase, type Case, type ModelCase } from '../../../reference/model-case';
import { Dice } from '../dice';
import { admitsModel } from './admits';
import type { ModelConstraints } from './constraints';
import { drawModelCase } from './draw';
import { shrinkModelCase } from './shrink';

/** Draws before giving up: padding needs two tokens, and little else is refused. */
const ATTEMPTS = 100;

/**
 * One call of a whole model: tokens [batch, seq_len], a mask in any of the forms, positions, and perhaps a cut into cached steps.
 * Shrinks any case from its value alone, towards one row of two tokens without padding.
 */
export function modelCase(constraints: ModelConstraints): fc.Arbitrary<ModelCase> {
  return new ModelCaseArbitrary(constraints);
}

/** Why no case can be drawn under the constraints, in one sentence; undefined where some can. */
export function modelEmptiness(constraints: ModelConstraints): string | undefined {
  const empty = (['dtypes', 'masks', 'paddings'] as const).find((name) => constraints[name].length === 0);
  if (empty !== undefined) return `No choice is left for ${empty}.`;
  if (constraints.minLength > constraints.maxLength)
    return `No length is left: minLength=${constraints.minLength}, maxLength=${constraints.maxLength}.`;
  if (constraints.minBatch > constraints.maxBatch)
    return `No batch is left: minBatch=${constraints.minBatch}, maxBatch=${constraints.maxBatch}.`;
  return undefined;
}

class ModelCaseArbitrary extends fc.Arbitrary<ModelCase> {
  private readonly constraints: ModelConstraints;

  constructor(constraints: ModelConstraints) {
    super();
    this.constraints = constraints;
    const reason = modelEmptiness(constraints);
    if (reason !== undefined) throw new RangeError(reason);
  }

  override generate(mrng: fc.Random): fc.Value<ModelCase> {
    const dice = Dice.from(mrng);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const c = drawModelCase(dice, this.constraints);
      if (admitsModel(this.constraints, c) === undefined) return new fc.Value(c, undefined);
    }
    throw new RangeError(
      `No model case was drawn in ${ATTEMPTS} attempts: ${String(admitsModel(this.constraints, drawModelCase(dice, this.constraints)))}`,
    );
  }

  override canShrinkWithoutContext(value: unknown): value is ModelCase {
    return (
      typeof value === 'object' &&
      value !== null &&
      isModelCase(value as Case) &&
      admitsModel(this.constraints, value as ModelCase) === undefined
    );
  }

  override shrink(value: ModelCase): fc.Stream<fc.Value<ModelCase>> {
    return fc.stream(values(shrinkModelCase(value, this.constraints)));
  }
}

function* values(cases: Iterable<ModelCase>): IterableIterator<fc.Value<ModelCase>> {
  for (const c of cases) yield new fc.Value(c, undefined);
}
