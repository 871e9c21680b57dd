/** The laws of whole models, in the order in which people read them. */
import type { ModelProperty } from '../../src/property';
import paddingContent from './padding-content';
import paddingEqualsAbsence from './padding-equals-absence';
import paddingSide from './padding-side';
import allReal from './all-real';
import maskDtype from './mask-dtype';
import explicitBoolean from './explicit-boolean';
import explicitAdditive from './explicit-additive';
import noFuture from './no-future';
import rowsApart from './rows-apart';
import cachedEqualsOneShot from './cached-equals-one-shot';
import finite from './finite';
import gradientsFinite from './gradients-finite';
import gradientsZeroAtPadding from './gradients-zero-at-padding';
import inputsUnchanged from './inputs-unchanged';

export const modelProperties: readonly ModelProperty[] = [
  paddingContent,
  paddingEqualsAbsence,
  paddingSide,
  allReal,
  maskDtype,
  explicitBoolean,
  explicitAdditive,
  noFuture,
  rowsApart,
  cachedEqualsOneShot,
  finite,
  gradientsFinite,
  gradientsZeroAtPadding,
  inputsUnchanged,
];
