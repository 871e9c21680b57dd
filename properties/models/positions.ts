/** Where a model believes that the tokens of a padded row stand: a law about padding speaks only of cases in which they stand where they would without it. */
import { modelSizesOf, type ModelCase } from '../../reference/model-case';
import { shapeOfRow } from '../../src/arbitraries/model/changes';
import type { ModelSupports } from '../../src/backend';

export function countsTokens(c: ModelCase, { positions, slidingWindow }: ModelSupports): boolean {
  const rows = Array.from({ length: modelSizesOf(c).batch }, (_, b) => shapeOfRow(c, b));
  // A window counts what stands between two tokens, whatever their positions are.
  if (slidingWindow && !rows.every(({ isTogether }) => isTogether)) return false;
  if (c.positionIds !== undefined) return true;
  // What a model counts by a mask of two axes, it cannot count by one of four.
  const own = c.mask?.rank === 4 && positions !== 'distance' ? 'index' : positions;
  if (own === 'mask') return true;
  return rows.every(({ isTogether, isAtStart, isAtEnd }) =>
    own === 'distance' ? isTogether : own === 'left' ? isAtStart || isAtEnd : isAtStart,
  );
}
