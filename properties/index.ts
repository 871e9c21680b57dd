/** The laws, in the order people read them. */
import type { Property } from '../src/property';
import booleanEqualsAdditive from './forms/boolean-equals-additive';
import integerEqualsBoolean from './forms/integer-equals-boolean';
import finiteBias from './forms/finite-bias';
import rowConstant from './forms/row-constant';
import redundantArguments from './forms/redundant-arguments';
import broadcast from './forms/broadcast';
import layout from './forms/layout';
import paddingLeaksNoFuture from './causality/padding-leaks-no-future';
import perQueryLeaksNoFuture from './causality/per-query-leaks-no-future';
import fallback from './causality/fallback';
import fourDIsAuthoritative from './causality/four-d-is-authoritative';
import cachedEqualsFull from './causality/cached-equals-full';
import bidirectional from './causality/bidirectional';
import noInfluence from './padding/no-influence';
import poison from './padding/poison';
import equalsAbsence from './padding/equals-absence';
import overlong from './padding/overlong';
import shortIsRefused from './padding/short-is-refused';
import conjunction from './composition/conjunction';
import packedEqualsSeparate from './composition/packed-equals-separate';
import softcap from './composition/softcap';
import windowIsMonotone from './composition/window-is-monotone';
import fullyMasked from './rows/fully-masked';
import fullyMaskedStaysLocal from './rows/fully-masked-stays-local';
import mass from './rows/mass';
import support from './rows/support';
import keptKeysMatter from './rows/kept-keys-matter';
import rotaryEqualsBase from './bridges/rotary-equals-base';
import rotaryShift from './bridges/rotary-shift';
import sameCells from './bridges/same-cells';
import batchRows from './equivariance/batch-rows';
import heads from './equivariance/heads';
import keys from './equivariance/keys';
import agreesWithReference from './numerics/agrees-with-reference';
import largeScores from './numerics/large-scores';
import linearInValues from './numerics/linear-in-values';
import sentinel from './hooks/sentinel';
import weightsTimesValues from './hooks/weights-times-values';
import askingChangesNothing from './hooks/asking-changes-nothing';
import inputsUnchanged from './state/inputs-unchanged';
import deterministic from './state/deterministic';
import noHistory from './state/no-history';
import gradientsFinite from './gradients/finite';
import gradientsZeroAtDropped from './gradients/zero-at-dropped';
import gradientsAgree from './gradients/agree';
import { modelProperties } from './models';

export const properties: readonly Property[] = [
  booleanEqualsAdditive,
  integerEqualsBoolean,
  finiteBias,
  rowConstant,
  redundantArguments,
  broadcast,
  layout,
  paddingLeaksNoFuture,
  perQueryLeaksNoFuture,
  fallback,
  fourDIsAuthoritative,
  cachedEqualsFull,
  bidirectional,
  noInfluence,
  poison,
  equalsAbsence,
  overlong,
  shortIsRefused,
  conjunction,
  packedEqualsSeparate,
  softcap,
  windowIsMonotone,
  fullyMasked,
  fullyMaskedStaysLocal,
  mass,
  support,
  keptKeysMatter,
  rotaryEqualsBase,
  rotaryShift,
  sameCells,
  batchRows,
  heads,
  keys,
  agreesWithReference,
  largeScores,
  linearInValues,
  sentinel,
  weightsTimesValues,
  askingChangesNothing,
  inputsUnchanged,
  deterministic,
  noHistory,
  gradientsFinite,
  gradientsZeroAtDropped,
  gradientsAgree,
  ...modelProperties,
];
