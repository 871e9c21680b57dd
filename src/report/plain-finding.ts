/** One outcome in words, for reports that hold text. Takes outcomes of a tamed report. */
import type { BackendInfo, Outcome } from '../engine/events';
import { againCommand, renderFinding } from './finding';

/** Where an outcome's counterexample was saved, if it was; asked with the outcome as the engine told it. */
export type FileOf = (outcome: Outcome) => string | undefined;

/** One sentence: what happened. */
export function titleOf({ status, counterexample, failure, fixed, reason }: Outcome): string {
  if (fixed !== undefined) return 'Listed as a known failure, and holds now: take its entry out.';
  if (status === 'violated') return counterexample?.violation.summary ?? 'Violated.';
  if (status === 'failed') return `${failure?.type ?? 'Error'}: ${failure?.message ?? reason ?? 'failed'}`;
  return reason ?? status;
}

/** The whole finding as lines of text with its picture, or the failure with its message and how to meet it again. */
export function plainFinding(outcome: Outcome, backend: BackendInfo, file?: string): string {
  const { counterexample, failure } = outcome;
  if (counterexample !== undefined)
    return renderFinding(outcome, counterexample, [], { style: { ascii: false, color: false }, backend, file }).join(
      '\n',
    );
  const again = againCommand(outcome, backend.spec, file);
  return [
    outcome.statement,
    '',
    ...(failure ? [`Failed at stage ${failure.stage}.`, `${failure.type}: ${failure.message}`] : []),
    ...(again === undefined ? [] : ['', `Again: ${again}`]),
  ].join('\n');
}
