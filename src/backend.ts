/** What a backend is: `defineBackend`, what it may declare, and what it answers. This file is `maskproof/backend`. */
import type {
  AttentionCase,
  Bridge,
  Conventions,
  EmptyRow,
  FloatTensor,
  FloatType,
  MaskForm,
  MaskRank,
} from '../reference/case';
import type { Precision } from '../reference/precision';

export type {
  AttentionCase,
  BoolTensor,
  FloatTensor,
  FloatType,
  IntTensor,
  Mask,
  Rotary,
  Tensor,
  Want,
} from '../reference/case';
export type { Precision } from '../reference/precision';

export type Ability =
  | 'groupedHeads'
  | 'cache'
  | 'crossLength'
  | 'valueDim'
  | 'scale'
  | 'slidingWindow'
  | 'segments'
  | 'softcap'
  | 'layouts';
export type Returned = 'output' | 'weights' | 'scores' | 'gradients';

/** What a backend can do and how it reads what is ambiguous. Whatever is not declared is not asked; every field has a default. */
export interface Supports {
  readonly bridges: readonly Bridge[];
  readonly dtypes: readonly FloatType[];
  /** No mask at all is always allowed. */
  readonly maskRanks: readonly MaskRank[];
  readonly maskForms: readonly MaskForm[];
  readonly causal: Conventions['causal'];
  /** Whether isCausal false is accepted; by default only where `causal` is 'none'. */
  readonly bidirectional: boolean;
  readonly fullyMaskedRow: EmptyRow | Readonly<Partial<Record<'boolean' | 'finfo' | 'inf', EmptyRow>>>;
  readonly scoreSentinel?: 'finfo_min' | '-inf';
  readonly overlongKeys: 'refused' | 'trimmed';
  readonly overlongRows: 'error' | 'first' | 'last' | 'position';
  /** num_kv_heads < num_heads */
  readonly groupedHeads: boolean;
  /** q_len < kv_len */
  readonly cache: boolean;
  /** q_len > kv_len */
  readonly crossLength: boolean;
  /** v_head_dim other than head_dim */
  readonly valueDim: boolean;
  /** a scale other than 1 / sqrt(head_dim) */
  readonly scale: boolean;
  readonly slidingWindow: boolean;
  readonly segments: boolean;
  readonly softcap: boolean;
  /** masks given as views */
  readonly layouts: boolean;
  readonly returns: readonly Returned[];
  /** Which mask forms keep NaN and infinities in dropped keys or values from spreading. */
  readonly poison?: { readonly keys?: readonly MaskForm[]; readonly values?: readonly MaskForm[] };
  /** Whether two calls agree bit for bit: of equal shape, of any shape, or never. */
  readonly bitwise: 'same_shape' | 'always' | 'never';
  readonly deterministic: boolean;
  /** By dtype; `defaultPrecision` where absent. */
  readonly precision: Readonly<Partial<Record<FloatType, Precision>>>;
}

/** `Supports` with every default filled in, and the names of the fields that the backend itself declared. */
export interface ResolvedSupports extends Supports {
  readonly fullyMaskedRow: Conventions['fullyMaskedRow'];
  readonly declared: readonly (keyof Supports)[];
}

/** What a backend answers for one case: tensors in the case's dtype, or why it could not. */
export type BackendAnswer =
  | {
      /** [batch, num_heads, q_len, v_head_dim] */
      readonly output: FloatTensor;
      /** [batch, num_heads, q_len, kv_len] */
      readonly weights?: FloatTensor;
      /** [batch, num_heads, q_len, kv_len]: what enters the softmax */
      readonly scores?: FloatTensor;
      readonly gradients?: { readonly query: FloatTensor; readonly key: FloatTensor; readonly value: FloatTensor };
      /** Inputs that the call wrote into, by name, where the backend worked on copies of its own (another process). */
      readonly changed?: readonly string[];
    }
  | { readonly error: { readonly type: string; readonly message: string; readonly traceback?: string } };

export interface BackendSession {
  /** Many cases in, one answer per case out, in order. */
  attend(cases: readonly AttentionCase[]): readonly BackendAnswer[] | Promise<readonly BackendAnswer[]>;
  close?(): void | Promise<void>;
}

/** A session in another process: what it is given it puts into bytes, so that no copies are due, and its answers are nobody else's. */
export interface RemoteSession extends BackendSession {
  readonly isRemote: true;
}

export interface Backend {
  readonly name: string;
  /** Library versions for the report's header. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly supports: Partial<Supports>;
  open(): BackendSession | Promise<BackendSession>;
}

/** Checks nothing by itself: it gives an adapter its types. The loader judges the shape of what the file exports. */
export function defineBackend(backend: Backend): Backend {
  return backend;
}
