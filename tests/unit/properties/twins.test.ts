import { describe, expect, it } from 'vitest';
import { properties } from '../../../properties';
import { casesOf, drawBatch, reasonToSkip } from '../../../src/engine/draw';
import type { Supports } from '../../../src/backend';
import { isAttentionProperty } from '../../../src/property';
import { laboratory, strict } from '../../support/context';

const conventions: readonly (readonly [string, Partial<Supports>])[] = [
  ['bottom right', {}],
  ['top left', { causal: 'top_left', overlongRows: 'first' }],
  ['neither', { causal: 'none', overlongRows: 'last' }],
  ['nothing but additive masks', { maskForms: ['additive'], scale: false, valueDim: false, bidirectional: false }],
];

/** Laws whose two sides are compared by the sum of their radii: there, a twin that meant something else would go unnoticed. */
const twins = properties
  .filter(isAttentionProperty)
  .filter(({ id }) =>
    [
      'forms/boolean-equals-additive',
      'forms/integer-equals-boolean',
      'forms/finite-bias',
      'forms/row-constant',
      'forms/redundant-arguments',
      'forms/broadcast',
      'causality/cached-equals-full',
      'padding/equals-absence',
      'composition/conjunction',
      'composition/packed-equals-separate',
    ].includes(id),
  );

describe.each(conventions)('under %s', (_name, supports) => {
  it.each(twins.map((property) => [property.id, property] as const))(
    'the sides of %s mean the same',
    async (_id, property) => {
      const context = laboratory({ supports: { ...supports, bitwise: 'same_shape' }, expect: strict });
      if (reasonToSkip(property, context.supports) !== undefined) return;
      for (const c of drawBatch(casesOf(property, context.supports), 7, 150)) {
        expect((await property.check(context, c))?.summary).toBeUndefined();
      }
      expect(context.counts.compared).toBeGreaterThan(100);
    },
  );
});
