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
  /** It refuses or answers in another shape, so that the outcome is `failed` and not `violated`. */
  readonly refuses?: true;
  readonly backend: Backend;
}

export interface MutantParts {
  readonly name: string;
  readonly mistake: string;
  readonly link?: string;
  readonly catches: readonly string[];
  readonly refuses?: true;
  /** What it declares beyond, or other than, everything. */
  readonly supports?: Partial<Supports>;
  readonly Kernel: new () => Attention;
}

export function mutant({ supports, Kernel, ...parts }: MutantParts): Mutant {
  return { ...parts, backend: backendOf(parts.name, Kernel, supports) };
}
