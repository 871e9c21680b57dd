import { RowState } from '../../reference/expectation';
import { narrow } from '../../src/arbitraries/narrow';
import { differingRows } from '../../src/compare/bits';
import { rowNumber, rowsOf } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** Dropout that is left on, atomic sums and uninitialised memory all give another answer the second time. */
export default defineProperty({
  id: 'state/deterministic',
  statement: 'The same call twice gives the same bits.',
  compares: 'exact',
  needs: {
    other: ({ deterministic }) => (deterministic ? undefined : 'declares that it is not deterministic'),
  },
  cases: (domain, { returns }) =>
    narrow(domain, { want: { weights: returns.includes('weights'), scores: returns.includes('scores') } }),
  async check(context, c) {
    const [first, second] = await context.attend([c, { ...c }]);
    context.tally('compared', rowsOf(c).length);
    for (const of of ['output', 'weights', 'scores'] as const) {
      // A row whose contract is unspecified may hold anything, also something else each time.
      const rows = differingRows(c, first, second, of).filter(
        (at) => context.expect(c).rows[rowNumber(c, at)] !== RowState.unspecified,
      );
      if (rows.length === 0) continue;
      const [at] = rows;
      const width = (first[of]?.data.length ?? 0) / rowsOf(c).length;
      const slice = (data: Float64Array = new Float64Array(0)) =>
        Array.from(data.subarray(rowNumber(c, at) * width, (rowNumber(c, at) + 1) * width));
      return {
        summary: `The same call gave other ${of === 'output' ? 'output' : of} the second time in ${rows.length} of ${rowsOf(c).length} ${rowsOf(c).length === 1 ? 'row' : 'rows'}.`,
        rows,
        cells: [],
        numbers: { of, at, actual: slice(second[of]?.data), expected: slice(first[of]?.data) },
      };
    }
    return undefined;
  },
});
