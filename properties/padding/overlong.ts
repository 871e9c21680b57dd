import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { entries, withExtraColumns, withExtraRows } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import type { ResolvedSupports } from '../../src/backend';
import { identical, within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

interface Longer {
  readonly name: string;
  readonly c: AttentionCase;
  readonly refused: boolean;
}

/** More columns than keys, as a static cache makes them; only where the backend says what it does with them. */
function longerKeys(c: AttentionCase, { declared, overlongKeys }: ResolvedSupports): Longer[] {
  if (!declared.includes('overlongKeys')) return [];
  const extra = 3;
  const name = `a mask with ${extra} columns more than keys`;
  return [{ name, c: withExtraColumns(c, extra), refused: overlongKeys === 'refused' }];
}

/** More rows than queries; only where the backend says which of them it reads. A mask that broadcasts over queries has no rows to add. */
function longerRows(c: AttentionCase, { declared, overlongRows }: ResolvedSupports): Longer[] {
  const { qLen, kvLen } = sizesOf(c);
  if (!declared.includes('overlongRows') || c.mask === undefined || c.mask.rank === 2) return [];
  if (c.mask.tensor.shape[c.mask.rank - 2] !== qLen) return [];
  const past = kvLen - qLen;
  if (overlongRows === 'position' && past < 0) return [];
  const [before, after] = { error: [0, 1], first: [0, 2], last: [2, 0], position: [past, past === 0 ? 1 : 0] }[
    overlongRows
  ];
  const name = `a mask with ${before} rows before and ${after} after those of the queries`;
  return [{ name, c: withExtraRows(c, before, after), refused: overlongRows === 'error' }];
}

const longerOf = (c: AttentionCase, supports: ResolvedSupports) => [
  ...longerKeys(c, supports),
  ...longerRows(c, supports),
];

/** A static cache makes masks as long as it will ever be; reading them from the wrong end shows keys that are not there yet (transformers#35681). */
export default defineProperty({
  id: 'padding/overlong',
  statement: 'A mask with more columns than keys, or more rows than queries, is read as declared: trimmed, or refused.',
  compares: 'bitwise',
  needs: {
    anyRank: [2, 3, 4],
    other: ({ declared, maskRanks }) =>
      declared.includes('overlongKeys') || (declared.includes('overlongRows') && maskRanks.some((rank) => rank !== 2))
        ? undefined
        : 'does not declare what it does with over-long masks',
  },
  cases: (domain) => narrow(domain, { maskRanks: [2, 3, 4] }),
  guard: (c, supports) => longerOf(c, supports).length > 0,
  async check(context, c) {
    const longer = longerOf(c, context.supports);
    for (const { name, c: long } of longer.filter(({ refused }) => refused)) {
      const answer = await context.attempt(long);
      if (!('error' in answer))
        return { summary: `It declares that it refuses ${name}, and answered it.`, rows: [], cells: [] };
    }
    const trimmed = longer.filter(({ refused }) => !refused);
    if (trimmed.length === 0) return undefined;
    const [exact, ...answers] = await context.attend([c, ...trimmed.map((one) => one.c)]);
    // A library may leave a mask that keeps everything away, and then sum in another order; it sees that one fits and one does not.
    const agree = c.mask && entries(c.mask).includes(undefined) ? identical : within;
    for (const [n, { name, c: long }] of trimmed.entries()) {
      const found = agree(context, [c, exact], [long, answers[n]], {
        with: `the answer to the mask that fits, given ${name}`,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
