/** What a run tells its listeners. Every report is made from these and nothing else. */
import type { Conventions } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import type { ResolvedSupports } from '../backend';
import type { CellIndex, RowIndex, RowTally, Violation } from '../property';

export interface BackendInfo {
  readonly name: string;
  /** What the user wrote after --backend. */
  readonly spec: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly supports: ResolvedSupports;
}

/** What answered for the definition in this run. */
export interface ReferenceInfo {
  /** 'oracle', or the engine's name. */
  readonly name: string;
  readonly precision: string;
  readonly device?: string;
  /** Why it was chosen, where the user left it to us. */
  readonly reason?: string;
}

/** How a finding was made small. */
export interface Counterexample {
  readonly violation: Violation;
  /** The smallest case that still fails. */
  readonly case: Case;
  /** Cases that have to be sent before it in a fresh session, oldest first; empty for nearly everything. */
  readonly after: readonly Case[];
  /** For every cell of the case: what the backend did with it, where a support probe could tell. */
  readonly leaked: readonly CellIndex[];
  readonly ignored: readonly CellIndex[];
  /** Seed of the batch and path within it, as fast-check writes it; absent for a case that came from a file. */
  readonly seed?: number;
  readonly path?: string;
  /** Cases checked before it fell, itself included. */
  readonly found: number;
  readonly shrinks: number;
  /** How large the case was before it was made small, by the wire's names; absent where it was as small as it goes. */
  readonly from?: Readonly<Record<string, number>>;
  /** Cases sent to the backend in order to shrink it. */
  readonly calls: number;
  /** Others of the same shape and mask, with other contents: how many of them fail as well. */
  readonly contents: { readonly failed: number; readonly tried: number };
  /** Why shrinking stopped early, where it did. */
  readonly stopped?: string;
}

export type Stage = 'load' | 'open' | 'answer' | 'close';

/** A backend that could not answer. */
export interface Failure {
  readonly stage: Stage;
  /** The error's class: 'BackendShapeError', 'BackendTimeoutError', ... */
  readonly type: string;
  readonly message: string;
  /** The case that it fell over, made small, where there is one. */
  readonly case?: Case;
  /** Cases that have to be in the same call before it. */
  readonly beside?: readonly Case[];
  readonly seed?: number;
  readonly path?: string;
}

export interface KnownFailure {
  readonly property: string;
  readonly backend: string;
  readonly reason: string;
  readonly link?: string;
}

/** What one property did on one backend. */
export interface Outcome {
  readonly property: string;
  readonly statement: string;
  readonly backend: string;
  readonly status: 'held' | 'violated' | 'skipped' | 'failed';
  /** The entry of the known-failures file that foretold it. */
  readonly known?: KnownFailure;
  /** The entry of the known-failures file whose counterexample holds now: news, and exit status 1. */
  readonly fixed?: KnownFailure;
  /** Cases that are known to fail were not drawn. */
  readonly narrowed?: true;
  /** Why it was skipped. */
  readonly reason?: string;
  readonly cases: number;
  /** Cases sent to the backend, shrinking included. */
  readonly calls: number;
  readonly seconds: number;
  readonly rows: Readonly<Record<RowTally, number>>;
  readonly counterexample?: Counterexample;
  readonly failure?: Failure;
  /** What it is made of, batch by batch; absent where there was no search, and in reports of a whole run. */
  readonly batches?: readonly BatchTally[];
}

/** What one batch came to: outcomes of shards are joined from these. */
export interface BatchTally {
  /** Its number, from 0. */
  readonly batch: number;
  /** Cases up to the first finding, itself included. */
  readonly cases: number;
  readonly calls: number;
  readonly rows: Readonly<Record<RowTally, number>>;
  readonly drawn: readonly DrawnCell[];
  /** The search ended in it: something was found, or no more could be drawn. */
  readonly ended?: true;
}

/** How often one combination of facets ('4 boolean random float32 base mha none_empty') or one facet beside them ('is_causal=true') was drawn, and how many of those cases were checked. */
export interface DrawnCell {
  readonly cell: string;
  readonly cases: number;
  readonly checked: number;
}

export interface CoverageCell {
  /** 'mask_rank', 'mask_form', 'kind', 'dtype', 'bridge', 'batch', 'heads', 'rows', 'is_causal', 'lengths', 'contents' */
  readonly facet: string;
  readonly value: string;
  /** Drawn. */
  readonly cases: number;
  readonly checked: number;
}

/** Facets that were checked in a smaller share of the cases than is required of every backend that declares them. */
export interface StarvedCell {
  readonly backend: string;
  /** { mask_rank: '4', dtype: 'float16' } */
  readonly facets: Readonly<Record<string, string>>;
  /** Cases of the properties that could draw it, and those of them that had it and were checked. */
  readonly cases: number;
  readonly checked: number;
  /** The share that is required, 0 .. 1. */
  readonly required: number;
}

/** Which part of a run this is. */
export interface Shard {
  /** 1 .. count */
  readonly index: number;
  readonly count: number;
}

export interface Budget {
  /** Cases a property. */
  readonly runs?: number;
  readonly seconds?: number;
  readonly failFast?: boolean;
  /** pr: a known failure that holds now is no failure of the run. */
  readonly mode?: 'pr' | 'nightly';
}

export interface Report {
  readonly seed: number;
  readonly budget: Budget;
  readonly shard?: Shard;
  readonly reference: ReferenceInfo;
  readonly backends: readonly BackendInfo[];
  readonly outcomes: readonly Outcome[];
  readonly coverage: readonly CoverageCell[];
  /** The same for every combination of mask rank, form, kind, dtype, bridge, heads and rows that was drawn. */
  readonly combinations: readonly DrawnCell[];
  /** How many facets and pairs of facets there were enough cases to judge. */
  readonly judged: number;
  readonly starved: readonly StarvedCell[];
  readonly interrupted: boolean;
  readonly seconds: number;
}

export type RunEvent =
  | {
      readonly type: 'run_started';
      readonly seed: number;
      readonly reference: ReferenceInfo;
      readonly backends: readonly BackendInfo[];
      readonly properties: number;
      readonly budget: Budget;
      readonly shard?: Shard;
    }
  | {
      readonly type: 'outcome_started';
      readonly backend: string;
      readonly property: string;
      readonly index: number;
      readonly total: number;
    }
  | {
      readonly type: 'progress';
      readonly backend: string;
      readonly property: string;
      readonly stage: 'searching' | 'shrinking' | 'bisecting';
      readonly cases: number;
      readonly calls: number;
    }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'run_finished'; readonly report: Report };

export type Listener = (event: RunEvent) => void;

/** Row marks and conventions travel together when a picture is drawn. */
export interface Picture {
  readonly case: Case;
  readonly conventions: Conventions;
  readonly rows: readonly RowIndex[];
  readonly leaked: readonly CellIndex[];
  readonly ignored: readonly CellIndex[];
}
