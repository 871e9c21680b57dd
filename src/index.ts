/** What users import from `maskproof`. Adapters import `maskproof/backend`, the list of laws is `maskproof/properties`. */
export { attentionCase, attentionMask } from './arbitraries';
export type { CaseConstraints } from './arbitraries/constraints';
export { defineBackend } from './backend';
export type { Backend, BackendAnswer, BackendSession, Supports } from './backend';
export { defineConfig, type Config } from './config';
export { assertBackend, checkBackend, type CheckOptions } from './check-backend';
export type { Counterexample, Outcome, Report, RunEvent } from './engine/events';
export { BackendError, UsageError } from './errors';
export { defineProperty } from './property';
export type { Answer, Property, PropertyContext, Violation } from './property';
export { properties } from '../properties';
export type { AttentionCase, FloatTensor, Mask, Tensor } from '../reference/case';
export type { Precision } from '../reference/precision';
