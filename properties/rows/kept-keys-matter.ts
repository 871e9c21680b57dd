import { sizesOf } from '../../reference/case';
import { keepGrid } from '../../reference/masks';
import { pivots } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { keptInColumn, unmoved, withKeyMoved } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** A mask that drops too much fails no test that only looks for leaks: the last tile, the key at the window's edge, the token's own key. */
export default defineProperty({
  id: 'rows/kept-keys-matter',
  statement: 'A kept key matters: moving its value moves every row that keeps it.',
  compares: 'radius',
  needs: {},
  cases: (domain) => narrow(domain, {}),
  async check(context, c) {
    const keep = keepGrid(c, context.supports);
    const changes = pivots(sizesOf(c).kvLen)
      .map((j) => ({ c: withKeyMoved(c, j), cells: keptInColumn(c, keep, j) }))
      .filter(({ cells }) => cells.length > 0);
    if (changes.length === 0) return undefined;
    const [before, ...answers] = await context.attend([c, ...changes.map((change) => change.c)]);
    for (const [n, { c: moved, cells }] of changes.entries()) {
      const found = unmoved(context, [c, before], [moved, answers[n]], cells);
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
