/** Everything that the suite is measured on: attention calls and whole models, wrong on purpose, and what only looks wrong. */
import { equivalents, mutants } from '../../tests/mutants';
import type { Mutant } from '../../tests/mutants';
import { modelMutants } from '../../tests/mutants/models';
import type { Backend } from '../../src/backend';

export { equivalents };
export const zoo: readonly Mutant[] = [...mutants, ...modelMutants];

const all = [...zoo, ...equivalents];
const backends: ReadonlyMap<string, Backend> = new Map(all.map(({ name, backend }) => [name, backend]));
if (backends.size < all.length) throw new Error('Two mutants or equivalents have one name.');

/** Mutant or equivalent. */
export function backendNamed(name: string): Backend {
  const found = backends.get(name);
  if (found === undefined) throw new Error(`There is no mutant ${name}.`);
  return found;
}
