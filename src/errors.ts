/**
 * The errors that users see. A message is one full sentence (who, what happened, with the values), then facts, one a line,
 * then what to do. Anything else that is thrown is a bug of ours and keeps its stack.
 */
import type { Stage } from './engine/events';

/** What a message is made of. */
export interface ErrorText {
  /** Who did what, with the values: a full sentence. */
  readonly what: string;
  /** One a line; several lines in one fact are indented under it. */
  readonly facts?: readonly string[];
  /** What to do about it: a full sentence. */
  readonly mend?: string;
}

/** A backend may say more than fits into memory once for every law: its words are cut where they come in. */
const MAX_SAID = 20_000;
const MAX_TYPE = 200;

/** The lines of a message: what happened, the facts, the mend. */
function messageOf({ what, facts = [], mend }: ErrorText): string {
  const rest = [...facts, ...(mend === undefined ? [] : [mend])];
  return [cut(what), ...rest.map((fact) => `  ${cut(fact).replaceAll('\n', '\n    ')}`)].join('\n');
}

const cut = (text: string, max = MAX_SAID): string =>
  text.length <= max ? text : `${text.slice(0, max)}... (the first ${max} of ${text.length} characters)`;

/** The user's command or file cannot be used. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
  /** Stable and in snake_case: 'unknown_option', 'out_of_range', 'file_missing', ... */
  readonly code: string;

  constructor(code: string, text: ErrorText | string, options?: ErrorOptions) {
    super(typeof text === 'string' ? text : messageOf(text), options);
    this.code = code;
  }
}

/** The thing under test, or its process, could not answer. */
export class BackendError extends Error {
  /** The error's class as reports print it: 'BackendShapeError', 'BackendTimeoutError', ... */
  override readonly name: string;
  /** Stable and in snake_case: 'wrong_shape', 'timed_out', ... */
  readonly code: string;
  readonly stage: Stage;
  /** The backend's name, or its specification where it has not told its name yet. */
  readonly backend: string;

  constructor(
    facts: { readonly type: string; readonly code: string; readonly stage: Stage; readonly backend: string },
    text: ErrorText | string,
    options?: ErrorOptions,
  ) {
    super(typeof text === 'string' ? cut(text) : messageOf(text), options);
    this.name = cut(facts.type, MAX_TYPE);
    this.code = facts.code;
    this.stage = facts.stage;
    this.backend = facts.backend;
  }
}
