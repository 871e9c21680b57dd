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
import type { ModelCase } from '../reference/model-case';
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
export type { ModelCase, ModelMask, ModelWant } from '../reference/model-case';
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

export type ModelAbility = 'cache' | 'gradients';

/** What a whole model declares: it is asked for logits, and for nothing else. */
export interface ModelSupports {
  /** How many different tokens there are: ids are 0 .. vocab - 1. */
  readonly vocab: number;
  /** Tokens that a row may have at the most. */
  readonly maxLength: number;
  readonly dtypes: readonly FloatType[];
  /** In which dtypes it takes a mask [batch, seq_len]. */
  readonly masks: readonly ('boolean' | 'integer' | 'float')[];
  /** In which forms it takes an explicit mask [batch, 1, seq_len, seq_len]. */
  readonly explicitMasks: readonly ('boolean' | 'additive')[];
  /** Whether position_ids [batch, seq_len] are taken. */
  readonly positionIds: boolean;
  /**
   * What a token's position is where none are given. `mask`: the model counts real tokens by a mask [batch, seq_len]. `distance`: only how
   * far apart tokens stand matters, padding between them included. `left`: real tokens are counted in rows that have padding on the left and
   * nowhere else. `index`: where a token stands, padding before it included.
   */
  readonly positions: 'mask' | 'distance' | 'left' | 'index';
  /** Whether some layer sees no further than a window, which counts padding like tokens. */
  readonly slidingWindow: boolean;
  /** Whether it decodes with a cache. */
  readonly cache: boolean;
  readonly gradients: boolean;
  /** Whether two calls of one shape agree bit for bit. */
  readonly bitwise: boolean;
}

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
  /** Declared by a whole model, which takes no single attention calls: the other fields are then not read. */
  readonly model?: ModelSupports;
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

/** Waits for answers that are on their way, as long as it may take. */
export type Limit = <T>(answers: Promise<T>) => Promise<T>;

/** A session in another process: what it is given it puts into bytes, so that no copies are due, and its answers are nobody else's. */
export interface RemoteSession extends BackendSession {
  /** Whether the other process has not yet said that the session is open. */
  readonly isOpening: boolean;
  /** Puts the cases into bytes at once, and sends them when nobody else is being answered; only then `limit` begins to wait. */
  attendInTurn(cases: readonly AttentionCase[], limit: Limit): Promise<readonly BackendAnswer[]>;
}

export interface Backend {
  readonly name: string;
  /** Library versions for the report's header. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly supports: Partial<Supports>;
  open(): BackendSession | Promise<BackendSession>;
}

/** A backend in another process, which can answer one session while we are busy with another. */
export interface RemoteBackend extends Backend {
  /** A session at once: the other process hears of it together with its first cases. */
  openLater(): RemoteSession;
}

export function isRemote(backend: Backend): backend is RemoteBackend {
  return 'openLater' in backend;
}

/** Checks nothing by itself: it gives an adapter its types. The loader judges the shape of what the file exports. */
export function defineBackend(backend: Backend): Backend {
  return backend;
}

/** What a model answers for one case: tensors in the case's dtype, or why it could not. */
export type ModelBackendAnswer =
  | {
      /** [batch, seq_len, vocab] */
      readonly logits: FloatTensor;
      /** [batch, seq_len, d_model] */
      readonly gradients?: { readonly embedding: FloatTensor };
      readonly changed?: readonly string[];
    }
  | { readonly error: { readonly type: string; readonly message: string; readonly traceback?: string } };

export interface ModelSession {
  /** Many cases in, one answer per case out, in order. */
  forward(cases: readonly ModelCase[]): readonly ModelBackendAnswer[] | Promise<readonly ModelBackendAnswer[]>;
  close?(): void | Promise<void>;
}

/** A whole model as a backend: what it is asked for are logits. */
export function defineModelBackend(
  backend: Omit<Backend, 'supports' | 'open'> & {
    readonly supports: ModelSupports;
    open(): ModelSession | Promise<ModelSession>;
  },
): Backend {
  return {
    ...backend,
    supports: { model: backend.supports },
    async open() {
      const session = await backend.open();
      // The engine sends a model nothing but model cases, and reads its answers as such.
      const attend = (cases: unknown) => session.forward(cases as readonly ModelCase[]) as unknown;
      return { attend, ...(session.close && { close: () => session.close?.() }) } as BackendSession;
    },
  };
}
