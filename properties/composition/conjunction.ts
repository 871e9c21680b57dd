import type { AttentionCase } from '../../reference/case';
import { asExplicit4d, withoutMask } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import type { ResolvedSupports } from '../../src/backend';
import { within } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

interface Rule {
  readonly name: string;
  readonly lift: (c: AttentionCase) => AttentionCase;
}

/** The rules that a case has and that the backend can do without. */
function rulesOf(c: AttentionCase, { bidirectional }: ResolvedSupports): Rule[] {
  return [
    ...(c.mask === undefined ? [] : [{ name: 'mask', lift: withoutMask }]),
    ...(c.isCausal && bidirectional
      ? [{ name: 'causality', lift: (x: AttentionCase) => ({ ...x, isCausal: false }) }]
      : []),
    ...(c.slidingWindow ? [{ name: 'window', lift: (x: AttentionCase) => ({ ...x, slidingWindow: undefined }) }] : []),
    ...(c.segments ? [{ name: 'segments', lift: (x: AttentionCase) => ({ ...x, segments: undefined }) }] : []),
  ];
}

/** The case under every subset of its rules, with the names of those that were lifted. */
function subsets(
  c: AttentionCase,
  supports: ResolvedSupports,
): { readonly c: AttentionCase; readonly lifted: string }[] {
  return rulesOf(c, supports).reduce(
    (all, { name, lift }) => [
      ...all,
      ...all.map((x) => ({ c: lift(x.c), lifted: x.lifted === '' ? name : `${x.lifted}, ${name}` })),
    ],
    [{ c, lifted: '' }],
  );
}

/** Each rule is right by itself: together one replaces another, is added to it past finfo.min, or undoes it ("mask the padding, then unmask the prefix"). */
export default defineProperty({
  id: 'composition/conjunction',
  statement:
    'Padding, causality, window and segments together keep what the explicit 4D mask of their conjunction keeps.',
  compares: 'radius',
  needs: {
    anyRank: [4],
    other: ({ maskForms }) =>
      maskForms.some((form) => form !== 'integer') ? undefined : 'declares neither boolean nor additive masks',
  },
  // A bias needs an additive twin to carry it.
  cases: (domain, { maskForms }) =>
    narrow(domain, { maskRanks: ['none', 2, 3], bias: maskForms.includes('additive') ? 'allow' : 'never' }),
  async check(context, c) {
    const variants = subsets(c, context.supports);
    const twins = variants.map((variant) => asExplicit4d(variant.c, context.supports, context.supports.maskForms));
    const answers = await context.attend([...variants.map((variant) => variant.c), ...twins]);
    for (const [n, { c: composed, lifted }] of variants.entries()) {
      const found = within(context, [composed, answers[n]], [twins[n], answers[variants.length + n]], {
        with:
          lifted === ''
            ? 'the composed masks when written as one 4D mask'
            : `the composed masks without ${lifted} when written as one 4D mask`,
      });
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
