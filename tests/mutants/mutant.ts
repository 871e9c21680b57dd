import type { Backend, Supports } from '../../src/backend';
import { backendOf } from './base';
import type { Attention } from './base';

/** A backend with one mistake. */
export interface Mutant {
  readonly name: string;
  /** The mistake, in one sentence. */
  readonly mistake: string;
  /** Where it was made in public. */
  readonly link?: string;
  /** Properties that must notice it. Others may as well. */
  readonly catches: readonly string[];
  readonly backend: Backend;
}

export interface MutantParts {
  readonly name: string;
  readonly mistake: string;
  readonly link?: string;
  readonly catches: readonly string[];
  /** What it declares beyond, or other than, everything. */
  readonly supports?: Partial<Supports>;
  readonly Kernel: new () => Attention;
}

export function mutant({ name, mistake, link, catches, supports, Kernel }: MutantParts): Mutant {
  return { name, mistake, ...(link ? { link } : {}), catches, backend: backendOf(name, Kernel, supports) };
}
