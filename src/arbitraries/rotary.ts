import type { Rotary, Sizes } from '../../reference/case';
import { float64Array } from '../../reference/small-arrays';
import type { Dice } from './dice';

/** Positions stay below this, where angles are still exact enough to compare. */
const POSITIONS = 4096;

/** Rotary embedding of some or all features; positions count up, start late, skip padding, or have gaps. */
export function drawRotary(dice: Dice, { batch, kvLen, headDim }: Sizes): Rotary {
  const data = float64Array(batch * kvLen);
  const style = dice.int(0, 3);
  for (let b = 0, n = 0; b < batch; b++) {
    let position = style === 1 ? dice.int(0, 100) : style === 3 ? dice.int(0, POSITIONS / 2) : 0;
    const padding = style === 2 ? dice.int(0, kvLen - 1) : 0;
    for (let j = 0; j < kvLen; j++, n++) {
      data[n] = Math.min(POSITIONS - 1, position);
      // Left padding as HuggingFace numbers it: padded tokens share the first position.
      if (j >= padding) position += style === 3 ? dice.int(1, 9) : 1;
    }
  }
  return {
    rotaryDim: dice.chance(0.6) ? headDim : 2 * dice.int(1, headDim / 2),
    base: dice.pick([10000, 10000, 500000, 100]),
    layout: dice.chance(0.5) ? 'half' : 'interleaved',
    positionIds: { dtype: 'int64', shape: [batch, kvLen], data },
  };
}
