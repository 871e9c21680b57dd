/** Attention cases, masks and sizes for anyone's fast-check tests. */
export { admits } from './admits';
export { attentionCase } from './attention-case';
export { attentionMask, type MaskConstraints } from './attention-mask';
export { sizes, type SizeConstraints } from './case-sizes';
export type { CaseConstraints } from './constraints';
export { emptiness } from './emptiness';
export { narrow } from './narrow';
export { shrinkCase } from './shrink/shrink-case';
export { sizeOf } from './shrink/measure';
