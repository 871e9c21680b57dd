/** What a property is, what it may ask, and what it may find. */
import type { AttentionCase, FloatTensor, MaskForm, MaskRank } from '../reference/case';
import type { Expectation } from '../reference/expectation';
import type { Ability, ResolvedSupports, Returned } from './backend';
import type { CaseConstraints } from './arbitraries/constraints';

/** What a backend answered, checked for shape, dtype and length. */
export interface Answer {
  readonly output: FloatTensor;
  readonly weights?: FloatTensor;
  readonly scores?: FloatTensor;
  readonly gradients?: { readonly query: FloatTensor; readonly key: FloatTensor; readonly value: FloatTensor };
  /** The inputs whose bytes changed during the call, by name: 'query', 'mask', ... */
  readonly changed: readonly string[];
}
export interface Refusal {
  readonly error: { readonly type: string; readonly message: string };
}

/** A query. */
export interface RowIndex {
  readonly b: number;
  readonly h: number;
  readonly i: number;
}
/** A query and a key. */
export interface CellIndex extends RowIndex {
  readonly j: number;
}

/** What a property found, as data; someone else prints it. */
export interface Violation {
  /** One sentence: what happened, with the values. */
  readonly summary: string;
  /** The queries whose answer is wrong, worst first, of the case that was generated. */
  readonly rows: readonly RowIndex[];
  /** The cells of the mask in question, where the property knows them: dropped but used, or kept but unused. */
  readonly cells: readonly CellIndex[];
  /** The numbers of the first bad row, one entry a feature (or a key, for weights and scores). */
  readonly numbers?: {
    readonly of: string;
    readonly at: RowIndex;
    readonly actual: readonly number[];
    readonly expected: readonly number[];
    /** Absent: bit for bit. */
    readonly allowed?: readonly number[];
  };
}

/** What a backend must declare before a property can be asked of it; `unmet` turns it into a sentence. */
export interface Needs {
  /** At least one of these ranks. */
  readonly anyRank?: readonly MaskRank[];
  /** Every one of these forms. */
  readonly forms?: readonly MaskForm[];
  readonly bridges?: readonly ('base' | 'rotary')[];
  /** One of these alignments. */
  readonly causal?: readonly ('bottom_right' | 'top_left')[];
  readonly bidirectional?: true;
  readonly abilities?: readonly Ability[];
  readonly returns?: readonly Returned[];
  /** Anything else: undefined, or the sentence that the report prints. */
  readonly other?: (supports: ResolvedSupports) => string | undefined;
}

/** Counts that end in the report: what was compared, and what was left out and why. */
export type RowTally = 'compared' | 'blind' | 'out_of_range' | 'empty' | 'not_bitwise';

/** What a check may do: ask the backend, ask the definition, count. */
export interface PropertyContext {
  readonly supports: ResolvedSupports;
  /** One answer a case, in order, each in a call of its own as far as the backend can tell. Rejects with a BackendError where the backend errs. */
  attend(cases: readonly AttentionCase[]): Promise<readonly Answer[]>;
  /** The same for one case that the backend may refuse; sent alone. */
  attempt(c: AttentionCase): Promise<Answer | Refusal>;
  /** Exclusive properties only: runs `use` in a session of its own, opened for it and closed after it. */
  inFreshSession<T>(
    use: (attend: (cases: readonly AttentionCase[]) => Promise<readonly Answer[]>) => Promise<T>,
  ): Promise<T>;
  /** The definition's answer and how far the backend may be off, under its own conventions and precision. */
  expect(c: AttentionCase): Expectation;
  /** The run's reference's answers, as an expectation whose centre is the reference's number and whose radius holds both errors. */
  reference(cases: readonly AttentionCase[]): Promise<readonly Expectation[]>;
  tally(what: RowTally, rows: number): void;
}

export interface Property {
  /** `area/claim`, stable for ever: known failures refer to it. */
  readonly id: string;
  /** One sentence in the present tense that a backend's author can agree or disagree with. */
  readonly statement: string;
  /** How it compares, as the documentation prints it. */
  readonly compares: 'exact' | 'bitwise' | 'radius' | 'declared';
  readonly needs: Needs;
  /** Runs alone, case after case, with sessions of its own. */
  readonly exclusive?: true;
  /** Which cases: the backend's whole domain, narrowed. Drawing, shrinking and foreign cases all obey it. */
  readonly cases: (domain: CaseConstraints, supports: ResolvedSupports) => CaseConstraints;
  /** Which of those it speaks of, beyond what constraints can say. */
  readonly guard?: (c: AttentionCase, supports: ResolvedSupports) => boolean;
  /** undefined where the law holds. Throws only what `attend` throws. */
  check(context: PropertyContext, c: AttentionCase): Promise<Violation | undefined>;
}

/** Gives a property its types. */
export function defineProperty(property: Property): Property {
  return property;
}
