/** What a property is, what it may ask, and what it may find. */
import type { AttentionCase, FloatTensor, MaskForm, MaskRank } from '../reference/case';
import type { Expectation } from '../reference/expectation';
import type { Case, ModelCase } from '../reference/model-case';
import type { Ability, ModelAbility, ModelSupports, ResolvedSupports, Returned } from './backend';
import type { CaseConstraints } from './arbitraries/constraints';
import type { ModelConstraints } from './arbitraries/model/constraints';

/** What a backend answered, checked for shape, dtype and length. */
export interface Answer {
  readonly output: FloatTensor;
  readonly weights?: FloatTensor;
  readonly scores?: FloatTensor;
  readonly gradients?: { readonly query: FloatTensor; readonly key: FloatTensor; readonly value: FloatTensor };
  /** The inputs whose bytes changed during the call, by name: 'query', 'mask', ... */
  readonly changed: readonly string[];
}
/** What a whole model answered. */
export interface ModelAnswer {
  /** [batch, seq_len, vocab] */
  readonly logits: FloatTensor;
  /** With respect to what the embedding gives: [batch, seq_len, d_model] */
  readonly gradients?: { readonly embedding: FloatTensor };
  readonly changed: readonly string[];
}
export interface Refusal {
  readonly error: { readonly type: string; readonly message: string };
}

/** A query; of a whole model, token i of batch row b, and h is 0. */
export interface RowIndex {
  readonly b: number;
  readonly h: number;
  readonly i: number;
}
/** A query and a key; of a whole model, tokens i and j of batch row b. */
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
    /** Of a gradient of a key or a value: h is the head of keys, i the key. */
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

/** What a check of whole models may do. */
export interface ModelContext {
  readonly supports: ResolvedSupports;
  readonly model: ModelSupports;
  /** One answer a case, in order. Rejects with a BackendError where the backend errs. */
  forward(cases: readonly ModelCase[]): Promise<readonly ModelAnswer[]>;
  tally(what: RowTally, rows: number): void;
}

/** What a model must declare before a property can be asked of it. */
export interface ModelNeeds {
  readonly abilities?: readonly ModelAbility[];
  /** Anything else: undefined, or the sentence that the report prints. */
  readonly other?: (model: ModelSupports) => string | undefined;
}

/** A law of whatever kind of case, as the engine sees it: it hands a property only cases of the property's own kind. */
export interface Property {
  /** `area/claim`, stable for ever: known failures refer to it. */
  readonly id: string;
  /** One sentence in the present tense that a backend's author can agree or disagree with. */
  readonly statement: string;
  /** How it compares, as the documentation prints it. */
  readonly compares: 'exact' | 'bitwise' | 'radius' | 'declared';
  /** What it is checked on: single attention calls by default. */
  readonly kind?: 'attention' | 'model';
  readonly needs: Needs | ModelNeeds;
  /** Runs alone, case after case, with sessions of its own. */
  readonly exclusive?: true;
  /** Which cases: the backend's whole domain, narrowed. Drawing, shrinking and foreign cases all obey it. */
  cases(domain: CaseConstraints | ModelConstraints, supports: ResolvedSupports): CaseConstraints | ModelConstraints;
  /** Which of those it speaks of, beyond what constraints can say. */
  guard?(c: Case, supports: ResolvedSupports): boolean;
  /** undefined where the law holds. Throws only what the backend throws. */
  check(context: PropertyContext & ModelContext, c: Case): Promise<Violation | undefined>;
}

/** A law of single attention calls. */
export interface AttentionProperty extends Property {
  readonly kind?: 'attention';
  readonly needs: Needs;
  cases(domain: CaseConstraints, supports: ResolvedSupports): CaseConstraints;
  guard?(c: AttentionCase, supports: ResolvedSupports): boolean;
  check(context: PropertyContext, c: AttentionCase): Promise<Violation | undefined>;
}

/** A law of whole models. */
export interface ModelProperty extends Property {
  readonly kind: 'model';
  readonly needs: ModelNeeds;
  cases(domain: ModelConstraints): ModelConstraints;
  guard?(c: ModelCase, supports: ResolvedSupports): boolean;
  check(context: ModelContext, c: ModelCase): Promise<Violation | undefined>;
}

export function isAttentionProperty(property: Property): property is AttentionProperty {
  return property.kind !== 'model';
}

/** Gives a property its types. */
export function defineProperty(property: AttentionProperty): AttentionProperty {
  return property;
}

/** The same for a law of whole models. */
export function defineModelProperty(property: Omit<ModelProperty, 'kind'>): ModelProperty {
  return { ...property, kind: 'model' };
}
