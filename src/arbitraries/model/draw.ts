import { countedPositions, type ModelCase } from '../../../reference/model-case';
import type { Dice } from '../dice';
import type { ModelConstraints, Padding } from './constraints';
import { maskOf } from './masks';

/** One model case: every part is drawn for itself and cut to what the others leave. */
export function drawModelCase(dice: Dice, limits: ModelConstraints): ModelCase {
  const batch = dice.int(limits.minBatch, limits.maxBatch);
  const seqLen = dice.int(limits.minLength, limits.maxLength);
  const padding = dice.pick(limits.paddings);
  const said = limits.masks.filter((kind) => kind !== 'none');
  const isUnmasked = said.length === 0 || (said.length < limits.masks.length && dice.chance(0.15));
  const kind = isUnmasked ? 'none' : dice.pick(said);
  // Padding cannot be told without a mask.
  const real = drawReal(dice, isUnmasked ? 'none' : padding, batch, seqLen);
  const data = Float64Array.from({ length: batch * seqLen }, () => dice.int(0, limits.vocab - 1));
  const c: ModelCase = {
    tokens: { dtype: 'int64', shape: [batch, seqLen], data },
    dtype: dice.pick(limits.dtypes),
    mask: maskOf(kind, real, batch),
    want: limits.want,
  };
  return {
    ...c,
    ...((isWanted(dice, limits.positionIds, 0.6) || (limits.explicitIsPlaced && c.mask?.rank === 4)) && {
      positionIds: countedPositions(c),
    }),
    ...(isWanted(dice, limits.chunks, 0.3) && { chunks: drawChunks(dice, seqLen) }),
  };
}

function isWanted(dice: Dice, presence: ModelConstraints['chunks'], share: number): boolean {
  return presence === 'always' || (presence === 'allow' && dice.chance(share));
}

/** [batch, seq_len]: 1 where a token is real. At least one row has padding, and at least one a token. */
function drawReal(dice: Dice, padding: Padding, batch: number, seqLen: number): Uint8Array {
  const real = new Uint8Array(batch * seqLen).fill(1);
  if (padding === 'none' || batch * seqLen < 2) return real;
  const padded = dice.int(0, batch - 1);
  const kept = dice.int(0, batch - 1);
  for (let b = 0; b < batch; b++) {
    if (b !== padded && dice.chance(0.4)) continue;
    const row = real.subarray(b * seqLen, (b + 1) * seqLen);
    if (padding === 'rows' && (b !== kept || batch === 1) && (b === padded || dice.chance(0.3))) row.fill(0);
    else if (seqLen > 1) padRow(dice, row, padding);
  }
  return real;
}

function padRow(dice: Dice, row: Uint8Array, padding: Padding): void {
  const amount = dice.int(1, row.length - 1);
  if (padding === 'right') row.fill(0, row.length - amount);
  else if (padding === 'left') row.fill(0, 0, amount);
  else {
    for (let i = 0; i < row.length; i++) row[i] = +dice.chance(0.6);
    if (!row.includes(1)) row[dice.int(0, row.length - 1)] = 1;
  }
}

/** A prompt and single steps, as generation goes; now and then pieces of any length. */
function drawChunks(dice: Dice, seqLen: number): number[] {
  if (dice.chance(0.7)) {
    const steps = dice.int(0, seqLen - 1);
    return [seqLen - steps, ...Array.from({ length: steps }, () => 1)];
  }
  const chunks: number[] = [];
  for (let left = seqLen; left > 0; left -= chunks[chunks.length - 1]) chunks.push(dice.int(1, left));
  return chunks;
}
