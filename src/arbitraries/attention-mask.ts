import fc from 'fast-check';
import type { FloatType, Mask, MaskRank, Sizes } from '../../reference/case';
import { admits } from './admits';
import { blankCase } from './blank';
import type { CaseConstraints } from './constraints';
import { Dice } from './dice';
import { limitsOf } from './limits';
import { drawMask, drawPlan } from './masks';
import { fillEmptyRows } from './rows';
import { simplerMask } from './shrink/features';
import { fewerHoles } from './shrink/holes';
import { isSmaller, sizeOf } from './shrink/measure';

/** Which mask, for which sizes. */
export interface MaskConstraints extends Pick<
  CaseConstraints,
  'sentinels' | 'bias' | 'kinds' | 'broadcast' | 'overlongKeys' | 'overlongRows'
> {
  readonly batch?: number;
  readonly numHeads?: number;
  readonly qLen?: number;
  readonly kvLen?: number;
  readonly ranks?: readonly MaskRank[];
  readonly forms?: CaseConstraints['maskForms'];
  /** Of additive masks. */
  readonly dtype?: FloatType;
  /** Whether a query may be left without a key by the mask alone. */
  readonly emptyRows?: 'never' | 'allow';
}

/**
 * A mask: rank 2 [batch, kv_len], rank 3 [batch, q_len, kv_len], rank 4 [batch or 1, num_heads or 1, q_len or 1, kv_len].
 *
 * Defaults: batch 1, one head, q_len and kv_len 4, every rank, form, kind and sentinel, float32, no over-long masks.
 * Shrinks from the value alone to fewer dropped cells, plainer forms and lower ranks, within the constraints.
 */
export function attentionMask(constraints: MaskConstraints = {}): fc.Arbitrary<Mask> {
  return new AttentionMaskArbitrary(constraints);
}

class AttentionMaskArbitrary extends fc.Arbitrary<Mask> {
  private readonly sizes: Sizes;
  private readonly dtype: FloatType;
  private readonly constraints: CaseConstraints;

  constructor({
    batch = 1,
    numHeads = 1,
    qLen = 4,
    kvLen = 4,
    dtype = 'float32',
    ranks = [2, 3, 4],
    forms,
    ...rest
  }: MaskConstraints) {
    super();
    for (const [name, size] of Object.entries({ batch, numHeads, qLen, kvLen })) {
      if (!Number.isInteger(size) || size < 1) throw new RangeError(`${name}=${size}: must be at least 1`);
    }
    this.sizes = { batch, numHeads, numKvHeads: numHeads, qLen, kvLen, headDim: 1, vHeadDim: 1 };
    this.dtype = dtype;
    this.constraints = { ...rest, maskRanks: ranks, maskForms: forms };
    if (drawPlan(new Dice(0, 0, 0), limitsOf(this.constraints)) === undefined)
      throw new RangeError('No mask obeys these constraints: see ranks, forms, sentinels and kinds');
  }

  override generate(mrng: fc.Random): fc.Value<Mask> {
    const dice = Dice.from(mrng);
    const limits = limitsOf(this.constraints);
    const plan = drawPlan(dice, limits);
    if (plan === undefined) throw new RangeError('No mask obeys these constraints');
    const mask = drawMask(dice, limits, plan, this.sizes, this.dtype);
    if (limits.emptyRows === 'never') fillEmptyRows(blankCase(this.sizes, this.dtype, mask), limits.causal);
    return new fc.Value(mask, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Mask {
    if (typeof value !== 'object' || value === null || !('tensor' in value) || !('rank' in value)) return false;
    return admits(this.constraints, blankCase(this.sizes, this.dtype, value as Mask)) === undefined;
  }

  override shrink(value: Mask): fc.Stream<fc.Value<Mask>> {
    return fc.stream(this.smaller(value));
  }

  private *smaller(value: Mask): IterableIterator<fc.Value<Mask>> {
    const whole = blankCase(this.sizes, this.dtype, value);
    const size = sizeOf(whole);
    for (const candidates of [simplerMask(whole), fewerHoles(whole)]) {
      for (const c of candidates) {
        if (c.mask && isSmaller(sizeOf(c), size) && admits(this.constraints, c) === undefined)
          yield new fc.Value(c.mask, undefined);
      }
    }
  }
}
