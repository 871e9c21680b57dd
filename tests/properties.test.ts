/** The heart of the suite's own tests: every property holds on the definition, and catches what it is there for. */
import { describe, expect, it } from 'vitest';
import { properties } from '../properties';
import { oracleBackend } from '../src/backends/oracle';
import type { Property } from '../src/property';
import { mutants } from './mutants';
import { check, said } from './support/check';

/** Properties that no mutant of a single attention call can break: they ask for more than these backends give. */
const beyondOneCall = /^(gradients|models)\//;
const single = properties.filter(({ id }) => !beyondOneCall.test(id));

const namedBy = ({ id }: Property) => mutants.filter(({ catches }) => catches.includes(id));

describe.each(single.map((property) => [property.id, property] as const))('%s', (_id, property) => {
  it('holds on the oracle', async () => {
    expect(said(await check(oracleBackend(), property))).toBe('held');
  });

  it('has a mutant', () => {
    expect(namedBy(property)).not.toEqual([]);
  });

  it.each(namedBy(property).map((mutant) => [mutant.name, mutant] as const))(
    'catches %s',
    async (_name, { backend }) => {
      const outcome = await check(backend, property, { runs: 1000 });
      expect(said(outcome)).toMatch(/^violated/);
    },
  );
});

describe('mutants', () => {
  const ids = properties.map(({ id }) => id);

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    '%s names properties that exist',
    (_name, { catches }) => {
      expect(catches.length).toBeGreaterThan(0);
      expect(catches.filter((id) => !ids.includes(id))).toEqual([]);
    },
  );

  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });
});
