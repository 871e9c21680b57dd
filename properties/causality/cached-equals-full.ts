import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { range, takeKeys, takeQueries } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import { defineProperty, type RowIndex } from '../../src/property';

interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly c: AttentionCase;
}

/** Queries from .. to with the keys that are there by then: what a prefill chunk or a decode step sends. */
function chunk(c: AttentionCase, from: number, to: number): Chunk {
  const queries = range(to).slice(from);
  return { from, to, c: takeKeys(takeQueries(c, queries), range(to)) };
}

/** The last step, the first half and the second half. A 4D mask may look ahead, so its chunks need all keys. */
function chunks(c: AttentionCase): Chunk[] {
  const { qLen } = sizesOf(c);
  const middle = Math.floor(qLen / 2);
  const ends: readonly (readonly [number, number])[] = [
    [qLen - 1, qLen],
    [middle, qLen],
    [0, middle],
  ];
  return ends
    .filter(([from, to], n) => from < to && (n === 0 || from !== qLen - 1) && (c.mask?.rank !== 4 || to === qLen))
    .map(([from, to]) => chunk(c, from, to));
}

/** A mask made for a square: the triangle, the window and the padding are all counted from the wrong end as soon as a cache holds the past. */
export default defineProperty({
  id: 'causality/cached-equals-full',
  statement: 'A decode step is the last row of the whole run, and a chunk is its rows.',
  compares: 'radius',
  needs: { causal: ['bottom_right'], abilities: ['cache'] },
  cases: (domain) => narrow(domain, { isCausal: [true], cache: 'never', crossLength: 'never' }),
  guard: (c) => sizesOf(c).qLen === sizesOf(c).kvLen && sizesOf(c).qLen > 1,
  async check(context, c) {
    const parts = chunks(c);
    const [full, ...answers] = await context.attend([c, ...parts.map((part) => part.c)]);
    for (const [n, { from, to, c: part }] of parts.entries()) {
      const map = ({ b, h, i }: RowIndex) => (i >= from && i < to ? { b, h, i: i - from } : undefined);
      const found = within(context, [c, full], [part, answers[n]], {
        with: `the whole run when queries ${from} to ${to - 1} are sent with a cache of ${from} keys`,
        map,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
