import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { positionOf } from '../../reference/masks';
import { range, takeBatch, takeKeys, takeQueries } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { within } from '../../src/compare/compare';
import type { ResolvedSupports } from '../../src/backend';
import { defineProperty, type RowIndex } from '../../src/property';

interface Document {
  readonly c: AttentionCase;
  readonly b: number;
  readonly queries: readonly number[];
}

/** Each document of each batch row by itself. A document that no query stands in is left out. */
function documents(c: AttentionCase, supports: ResolvedSupports): Document[] {
  const { batch, qLen, kvLen } = sizesOf(c);
  const { segments } = c;
  if (segments === undefined) return [];
  return range(batch).flatMap((b) => {
    const of = (j: number) => segments.data[b * kvLen + j];
    return [...new Set(range(kvLen).map(of))].flatMap((document) => {
      const keys = range(kvLen).filter((j) => of(j) === document);
      const queries = range(qLen).filter((i) => of(positionOf(c, supports, i)) === document);
      if (queries.length === 0) return [];
      return [{ c: { ...takeQueries(takeKeys(takeBatch(c, [b]), keys), queries), segments: undefined }, b, queries }];
    });
  });
}

/** Packed documents see each other when ids are ignored, rebuilt from the mask, or counted from the start of the batch. */
export default defineProperty({
  id: 'composition/packed-equals-separate',
  statement: 'Segments that run packed in one row equal their separate runs.',
  compares: 'radius',
  needs: { abilities: ['segments'] },
  cases: (domain) =>
    narrow(domain, { maskRanks: ['none', 2, 3], segments: 'always', slidingWindow: 'never', crossLength: 'never' }),
  // Counted from the top left, the queries of a cached run are not the last of their documents.
  guard: (c, { causal }) => causal !== 'top_left' || sizesOf(c).qLen === sizesOf(c).kvLen,
  async check(context, c) {
    const alone = documents(c, context.supports);
    const [packed, ...answers] = await context.attend([c, ...alone.map((document) => document.c)]);
    for (const [n, { b, c: document, queries }] of alone.entries()) {
      const place = new Map(queries.map((i, index) => [i, index]));
      const map = (row: RowIndex) => {
        const i = place.get(row.i);
        return row.b === b && i !== undefined ? { b: 0, h: row.h, i } : undefined;
      };
      const found = within(context, [c, packed], [document, answers[n]], {
        with: `the packed run when a segment of batch row ${b} runs by itself`,
        map,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
