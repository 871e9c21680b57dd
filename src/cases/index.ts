/** The kinds of case that there are. */
import { isModelCase, type Case } from '../../reference/model-case';
import type { Property } from '../property';
import { attention } from './attention';
import type { CaseKind } from './kind';
import { model } from './model';

export function kindOf(c: Case): CaseKind {
  return isModelCase(c) ? model : attention;
}

/** The kind of case that a property speaks of. */
export function kindOfProperty({ kind }: Pick<Property, 'kind'>): CaseKind {
  return kind === 'model' ? model : attention;
}
