/** Everything that the suite is measured on: attention calls and whole models, wrong on purpose, and what only looks wrong. */
import { equivalents, mutants } from '../../tests/mutants';
import type { Mutant } from '../../tests/mutants';
import { modelMutants } from '../../tests/mutants/models';
import type { Backend } from '../../src/backend';

export { equivalents };
export const zoo: readonly Mutant[] = [...mutants, ...modelMutants];

/** Mutant or equivalent. */
export function backendNamed(name: string): Backend {
  const found = [...zoo, ...equivalents].find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no mutant ${name}.`);
  return found.backend;
}
