import fc from 'fast-check';
import { sizesOf, type Sizes } from '../../reference/case';
import { admits } from './admits';
import { blankCase } from './blank';
import type { CaseConstraints } from './constraints';
import { Dice } from './dice';
import { emptiness } from './emptiness';
import { limitsOf } from './limits';
import { isSmaller, sizeOf } from './shrink/measure';
import { smallerSizes } from './shrink/sizes';
import { drawSizes, lengthsAllowed } from './sizes';

export type SizeConstraints = Pick<
  CaseConstraints,
  | 'groupedHeads'
  | 'cache'
  | 'crossLength'
  | 'valueDim'
  | 'maxBatch'
  | 'maxHeads'
  | 'maxQLen'
  | 'maxKvLen'
  | 'minKvLen'
  | 'maxHeadDim'
>;

/**
 * The sizes of a case: batch, num_heads, num_kv_heads, q_len, kv_len, head_dim, v_head_dim; coinciding by design in a good share,
 * kv_len next to a tile edge now and then. Defaults as for `attentionCase`. Shrinks from the value alone.
 */
export function sizes(constraints: SizeConstraints = {}): fc.Arbitrary<Sizes> {
  return new SizesArbitrary(constraints);
}

class SizesArbitrary extends fc.Arbitrary<Sizes> {
  private readonly constraints: SizeConstraints;

  constructor(constraints: SizeConstraints) {
    super();
    this.constraints = constraints;
    const reason = emptiness(constraints);
    if (reason !== undefined) throw new RangeError(reason);
  }

  override generate(mrng: fc.Random): fc.Value<Sizes> {
    const dice = Dice.from(mrng);
    const limits = limitsOf(this.constraints);
    return new fc.Value(drawSizes(dice, limits, dice.pick(lengthsAllowed(limits)), false), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Sizes {
    if (typeof value !== 'object' || value === null || !('vHeadDim' in value)) return false;
    return (
      Object.values(value).every((size) => Number.isInteger(size) && (size as number) > 0) &&
      admits(this.constraints, blankCase(value as Sizes)) === undefined
    );
  }

  override shrink(value: Sizes): fc.Stream<fc.Value<Sizes>> {
    return fc.stream(this.smaller(value));
  }

  private *smaller(value: Sizes): IterableIterator<fc.Value<Sizes>> {
    const whole = blankCase(value);
    const size = sizeOf(whole);
    const seen = new Set<string>();
    for (const c of smallerSizes(whole)) {
      const smaller = sizesOf(c);
      const print = Object.values(smaller).join();
      if (seen.has(print) || !isSmaller(sizeOf(c), size)) continue;
      seen.add(print);
      if (admits(this.constraints, c) === undefined) yield new fc.Value(smaller, undefined);
    }
  }
}
