/** What the engine has to know of a kind of case: everything else it treats alike. */
import type * as fc from 'fast-check';
import type { Conventions, Tensor } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import type { Facet } from '../arbitraries/describe';
import type { ResolvedSupports } from '../backend';
import type { Answer, CellIndex, ModelAnswer, ModelContext, Property, PropertyContext, Refusal } from '../property';

/** What one case came to: an answer, a refusal in the backend's words, or something that is neither. */
export type Result = Answer | ModelAnswer | Refusal | { readonly malformed: string };

/** What else is to be known of an answer. */
export interface Reading {
  /** Nobody else holds its numbers, so that they need not be copied. */
  readonly isOurs: boolean;
  /** The inputs that changed. Comparing them is dear, and few laws ask. */
  readonly changed: () => string[];
}

/** Methods are only ever given cases and properties of the kind's own. */
export interface CaseKind {
  readonly name: NonNullable<Property['kind']>;
  /** Why a property cannot be asked of a backend that declares `supports`, in one sentence; undefined where it can. */
  unmet(property: Property, supports: ResolvedSupports): string | undefined;
  /** Why none of a property's cases can be drawn for a backend that can be asked. */
  emptiness(property: Property, supports: ResolvedSupports): string | undefined;
  /** A property's cases, but for its guard: drawn, and shrunk from the value alone. */
  arbitrary(property: Property, supports: ResolvedSupports): fc.Arbitrary<Case>;
  /** Why a case is none of the property's, in one sentence; undefined where it is one. The guard is not asked. */
  admits(property: Property, supports: ResolvedSupports, c: Case): string | undefined;
  /** Tells whether cases with all of some facets are drawn. */
  reachable(property: Property, supports: ResolvedSupports): (facets: Readonly<Record<string, string>>) => boolean;
  /** A case of its own, so that a backend that writes into its inputs spoils nothing but its own copy. */
  copy(c: Case): Case;
  /** The tensors of a case by the names that reports use. */
  tensorsOf(c: Case): readonly (readonly [string, Tensor | undefined])[];
  /** Judges what a backend gave for one case: dtype, shape and length of every tensor that was asked for. */
  read(given: object, c: Case, supports: ResolvedSupports, reading: Reading): Result;
  /** What kind of case this is, facet by facet. */
  describe(c: Case, causal?: Conventions['causal']): readonly Facet[];
  /** How large it is, by the wire's names. */
  sizes(c: Case): Readonly<Record<string, number>>;
  /** The same sizes and mask with other exact contents, which `number` chooses. */
  withOtherContents(c: Case, number: number): Case;
  /** Which cells leak or are ignored, where the kind of case lets one ask. */
  probe?(
    context: PropertyContext & ModelContext,
    c: Case,
  ): Promise<{ readonly leaked: readonly CellIndex[]; readonly ignored: readonly CellIndex[] }>;
}
