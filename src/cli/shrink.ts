/** maskproof shrink: a failing case from elsewhere, made as small as it goes. */
import { properties } from '../../properties/index';
import { loadBackend } from '../backends/load';
import { loadCase, type SavedCounterexample } from '../corpus/load';
import { saveCounterexample } from '../corpus/save';
import { openReference } from '../engine/reference';
import { shrinkForeign } from '../engine/replay';
import { defaultTimeoutMs } from '../engine/run-suite';
import { Subject } from '../engine/subject';
import { UsageError } from '../errors';
import { caseLine } from '../report/case-line';
import { renderFinding } from '../report/finding';
import { cellsInQuestion } from '../report/json';
import { escapeControls } from '../report/style';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';
import { propertyNamed } from './select-properties';
import { interruptible } from './signals';

export interface ShrinkOptions {
  readonly backend: string;
  readonly property: string;
  /** Where the smallest case is kept. */
  readonly corpus: string;
  /** Seconds that shrinking may take. */
  readonly seconds: number;
  readonly reference: string;
  readonly ascii?: boolean;
  readonly check: boolean;
  readonly timeout?: number;
}

export async function shrink(file: string, options: ShrinkOptions, io: Io): Promise<number> {
  const property = propertyNamed(options.property, properties);
  const { case: c } = loadCase(file);
  const backend = await loadBackend(options.backend, { check: options.check });
  const reference = await openReference(options.reference);
  try {
    const subject = new Subject(backend, reference, (options.timeout ?? defaultTimeoutMs / 1000) * 1000);
    const { outcome, aborted } = await interruptible(io.err, async (signal) => ({
      outcome: await shrinkForeign(subject, property, c, { shrinkMs: options.seconds * 1000, signal }),
      aborted: signal.aborted,
    }));
    const keep = (found: Pick<SavedCounterexample, 'case' | 'after' | 'violation'>): string => {
      const { name, versions = {}, supports } = backend;
      const { case: smallest, after, violation } = found;
      const saved = { property: property.id, backend: name, versions, supports, violation, case: smallest, after };
      try {
        return saveCounterexample(options.corpus, saved);
      } catch (error) {
        io.out(`Smallest case: ${caseLine(smallest)}\n`);
        throw error;
      }
    };
    const on = `${property.id} on ${escapeControls(backend.name)}`;
    if (outcome.status === 'skipped')
      throw new UsageError('not_applicable', {
        what: `${property.id} has nothing to say about this case on ${backend.name}: ${outcome.reason}.`,
      });
    if (outcome.failure !== undefined) {
      const { type, message, case: smallest } = outcome.failure;
      io.out(`ERROR ${file}: ${escapeControls(`${type}: ${message}`)}\n`);
      if (smallest !== undefined)
        io.out(`  Smallest case: ${caseLine(smallest)}\n  Kept as ${keep({ case: smallest, after: [] })}\n`);
    } else if (outcome.counterexample !== undefined) {
      const { counterexample } = outcome;
      const violation = { ...counterexample.violation, cells: cellsInQuestion(counterexample) };
      const kept = keep({ ...counterexample, violation });
      const context = { style: styleFor(io, options.ascii ?? false), backend: subject.info, file: kept };
      io.out(`${renderFinding(outcome, outcome.counterexample, [], context).join('\n')}\n`);
    } else {
      io.out(`HOLDS ${file}: ${on}\n`);
    }
    return exitCode({
      interrupted: aborted,
      failed: outcome.status === 'failed',
      violated: outcome.status === 'violated',
      checked: true,
    });
  } finally {
    await reference.close();
  }
}
