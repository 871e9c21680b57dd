/** Backends that are wrong on purpose, one mistake each, and some that only look wrong. */
import { arithmetic } from './arithmetic';
import { axes } from './axes';
import { causality } from './causality';
import { emptyRows } from './empty-rows';
import { forms } from './forms';
import { gradients } from './gradients';
import type { Mutant } from './mutant';
import { padding } from './padding';
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
  ...state,
  ...gradients,
];
