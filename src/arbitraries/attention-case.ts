import fc from 'fast-check';
import type { AttentionCase } from '../../reference/case';
import { admits } from './admits';
import type { CaseConstraints } from './constraints';
import { Dice } from './dice';
import { drawAdmitted, emptiness } from './emptiness';
import { limitsOf } from './limits';
import { smallerCases, Tried } from './shrink/shrink-case';

/**
 * One attention call: query [batch, num_heads, q_len, head_dim], key and value, a mask of any rank and form, and what goes with it.
 *
 * Defaults: every dtype, bridge, rank, form, kind of mask and kind of contents; everything that may be allowed is, but for over-long
 * masks; batch and num_heads 1 to 4 (grouped heads up to 6), q_len, kv_len and head_dim 1 to 8, and in 6 % of the cases kv_len next to
 * a tile edge (8, 16, 32, 64, 128). Sizes coincide by design in 40 % of the cases. Left-out maxima bound what is drawn, not what is admitted.
 *
 * Shrinks any case from its value alone, towards batch 1, one head, few keys, a mask with few holes, and contents of 0 and 1.
 * Throws a RangeError where a constraint is out of range or where no case obeys them all.
 */
export function attentionCase(constraints: CaseConstraints = {}): fc.Arbitrary<AttentionCase> {
  return new AttentionCaseArbitrary(constraints);
}

class AttentionCaseArbitrary extends fc.Arbitrary<AttentionCase> {
  private readonly constraints: CaseConstraints;

  constructor(constraints: CaseConstraints) {
    super();
    this.constraints = constraints;
    const reason = emptiness(constraints);
    if (reason !== undefined) throw new RangeError(reason);
  }

  /** Bias is ignored: sizes and contents are spread on purpose, and the choice of small ones is ours. */
  override generate(mrng: fc.Random): fc.Value<AttentionCase> {
    return new fc.Value(drawAdmitted(Dice.from(mrng), this.constraints, limitsOf(this.constraints)), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is AttentionCase {
    return isCase(value) && admits(this.constraints, value) === undefined;
  }

  /** The context only saves tries: without it, a foreign case shrinks to the same smallest ones. */
  override shrink(value: AttentionCase, context?: unknown): fc.Stream<fc.Value<AttentionCase>> {
    return fc.stream(values(smallerCases(value, this.constraints, context instanceof Tried ? context : undefined)));
  }
}

function* values(cases: Iterable<readonly [AttentionCase, Tried]>): IterableIterator<fc.Value<AttentionCase>> {
  for (const [c, tried] of cases) yield new fc.Value(c, tried);
}

/** Whether something has the parts of a case that everything else is read from. */
function isCase(value: unknown): value is AttentionCase {
  if (typeof value !== 'object' || value === null) return false;
  const { query, key, value: values } = value as Partial<Record<string, { shape?: unknown; data?: unknown }>>;
  return [query, key, values].every(
    (tensor) => Array.isArray(tensor?.shape) && tensor.shape.length === 4 && tensor.data instanceof Float64Array,
  );
}
