/** Kinds of case that were checked too rarely to speak of, in words. */
import type { StarvedCell } from '../engine/events';
import { thousands } from './foreign';

/** 'mask rank 4, dtype float16: checked in 3 of 1,200 cases, where 12 are required' */
export function starvedLine({ facets, cases, checked, required }: StarvedCell): string {
  const what = Object.entries(facets).map(([facet, value]) => `${facet} ${value}`.replaceAll('_', ' '));
  const due = Math.ceil(required * cases);
  return `${what.join(', ')}: checked in ${thousands(checked)} of ${thousands(cases)} cases, where ${thousands(due)} are required`;
}
