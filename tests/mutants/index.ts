/** Backends that are wrong on purpose, one mistake each, and some that only look wrong. */
import { arithmetic } from './arithmetic';
import { axes } from './axes';
import { cache } from './cache';
import { causality } from './causality';
import { emptyRows } from './empty-rows';
import { forms } from './forms';
import { gradients } from './gradients';
import { half } from './half';
import type { Mutant } from './mutant';
import { padding } from './padding';
import { refusals } from './refusals';
import { rotary } from './rotary';
import { sentinels } from './sentinels';
import { state } from './state';
import { windows } from './windows';

export { equivalents } from './equivalents';
export type { Mutant } from './mutant';

export const mutants: readonly Mutant[] = [
  ...forms,
  ...causality,
  ...emptyRows,
  ...sentinels,
  ...padding,
  ...axes,
  ...windows,
  ...rotary,
  ...arithmetic,
  ...half,
  ...cache,
  ...refusals,
  ...state,
  ...gradients,
];
