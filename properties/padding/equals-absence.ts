import type { AttentionCase, Conventions } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { entries, hasBias, range, takeBatch, takeKeys, takeQueries, withoutMask } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty, type RowIndex } from '../../src/property';

interface Shorter {
  readonly c: AttentionCase;
  readonly b: number;
  /** The queries that are left. */
  readonly queries: readonly number[];
}

/** Which of a batch row's keys may be taken away: all padded ones without a cache, past ones with it, where positions are counted from the end. */
function removable(c: AttentionCase, b: number): boolean[] {
  const { qLen, kvLen } = sizesOf(c);
  const adds = c.mask === undefined ? [] : entries(c.mask);
  return range(kvLen).map((j) => adds[b * kvLen + j] === undefined && (qLen >= kvLen || j < kvLen - qLen));
}

/** One batch row without its padded tokens: query and key together where there is no cache; keys alone before a cache's queries and in cross attention. */
function withoutPadding(c: AttentionCase, b: number): Shorter | undefined {
  const { qLen, kvLen } = sizesOf(c);
  const removed = removable(c, b);
  const keys = range(kvLen).filter((j) => !removed[j]);
  if (keys.length === 0 || keys.length === kvLen) return undefined;
  const queries = qLen === kvLen ? keys : range(qLen);
  const shorter = takeQueries(takeKeys(takeBatch(c, [b]), keys), queries);
  const { mask } = shorter;
  const saysNothing = mask !== undefined && !hasBias(mask) && !entries(mask).includes(undefined);
  return { c: saysNothing ? withoutMask(shorter) : shorter, b, queries };
}

/** Whether positions counted from the end, and from the first key, both survive taking away past keys. */
function survives(c: AttentionCase, conventions: Conventions): boolean {
  const { qLen, kvLen } = sizesOf(c);
  if (qLen === kvLen || conventions.causal !== 'top_left') return true;
  return !c.isCausal && c.segments === undefined;
}

/** Padding is only ever there to make a batch a rectangle: a sum or a position that runs over it shows against the run without it. */
export default defineProperty({
  id: 'padding/equals-absence',
  statement: 'A padded run equals the shorter run without the padded tokens.',
  compares: 'radius',
  needs: { anyRank: [2] },
  cases: (domain) => narrow(domain, { maskRanks: [2], slidingWindow: 'never' }),
  guard: survives,
  async check(context, c) {
    const shorter = range(sizesOf(c).batch).flatMap((b) => withoutPadding(c, b) ?? []);
    if (shorter.length === 0) return undefined;
    const [padded, ...answers] = await context.attend([c, ...shorter.map((short) => short.c)]);
    for (const [n, { b, c: short, queries }] of shorter.entries()) {
      const place = new Map(queries.map((i, index) => [i, index]));
      const map = (row: RowIndex) => {
        const i = place.get(row.i);
        return row.b === b && i !== undefined ? { b: 0, h: row.h, i } : undefined;
      };
      const found = within(context, [c, padded], [short, answers[n]], {
        with: `the padded run when batch row ${b} is sent without its padding`,
        map,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
