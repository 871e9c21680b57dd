/** Attention that looks odd and is right is never flagged: a false alarm is the worst bug that this suite can have. */
import { describe, expect, it } from 'vitest';
import { properties } from '../properties';
import { equivalents } from './mutants';
import { casesFromEnvironment, check, said } from './support/check';

const runs = Math.ceil(casesFromEnvironment / 30);

describe.each(equivalents.map((equivalent) => [equivalent.name, equivalent] as const))('%s', (_name, { backend }) => {
  it.each(properties.map((property) => [property.id, property] as const))('keeps %s', async (_id, property) => {
    const outcome = await check(backend, property, { runs, shrinkMs: 2000 });
    expect(said(outcome)).toMatch(/^(held|skipped)/);
  });
});
