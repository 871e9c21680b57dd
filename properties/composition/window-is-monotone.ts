import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { RowState } from '../../reference/expectation';
import { narrow } from '../../src/arbitraries/narrow';
import { rowsOf } from '../../src/compare/compare';
import { heavyCells, probeCases, readProbe } from '../../src/compare/probe';
import { defineProperty } from '../../src/property';

/** One neighbour more on each side that has a limit. */
function widened(c: AttentionCase): AttentionCase {
  const { left, right } = c.slidingWindow ?? {};
  return {
    ...c,
    slidingWindow: {
      ...(left !== undefined && { left: left + 1 }),
      // A causal window is only ever counted to the left.
      ...(right !== undefined && { right: c.isCausal ? right : right + 1 }),
    },
  };
}

/** A width that also sets where a block starts, or wraps round at the cache's length, loses keys as it grows. */
export default defineProperty({
  id: 'composition/window-is-monotone',
  statement: 'A wider window keeps every key that a narrower one kept.',
  compares: 'exact',
  needs: { abilities: ['slidingWindow'] },
  cases: (domain) => narrow(domain, { slidingWindow: 'always', crossLength: 'never' }),
  async check(context, c) {
    const wide = widened(c);
    const probes = probeCases(c, context.supports);
    const answers = await context.attend([...probes, ...probeCases(wide, context.supports)]);
    const before = readProbe(c, answers.slice(0, probes.length));
    const after = readProbe(wide, answers.slice(probes.length));
    const rows = rowsOf(c);
    const { kvLen } = sizesOf(c);
    const candidates = rows.flatMap((row, n) =>
      Array.from({ length: kvLen }, (_, j) => ({ cell: { ...row, j }, row: n, at: n * kvLen + j })).filter(
        ({ at }) => before[at] !== 0 && after[at] === 0,
      ),
    );
    if (candidates.length === 0) {
      context.tally('compared', rows.length);
      return undefined;
    }
    const probe = probeCases(wide)[0];
    const narrower = context.expect(probes[0]);
    const wider = context.expect(probe);
    const isHeavy = heavyCells(context, probe);
    const lost = candidates.filter(
      ({ row, at }) =>
        narrower.rows[row] === RowState.ok &&
        wider.rows[row] === RowState.ok &&
        wider.keep[at] === 1 &&
        isHeavy(row, at),
    );
    context.tally('compared', rows.length);
    if (lost.length === 0) return undefined;
    const [{ cell }] = lost;
    return {
      summary: `${lost.length} ${lost.length === 1 ? 'key' : 'keys'} that a window used ${lost.length === 1 ? 'is' : 'are'} not used by a window that is wider by one; the first is key ${cell.j} of the query at b=${cell.b} h=${cell.h} i=${cell.i}.`,
      rows: [...new Set(lost.map(({ row }) => row))].map((row) => rows[row]),
      cells: lost.map((one) => one.cell),
    };
  },
});
