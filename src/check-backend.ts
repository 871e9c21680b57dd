/** The suite as a library call, for anyone's tests. */
import { randomInt } from 'node:crypto';
import { properties as everyProperty } from '../properties';
import type { Backend } from './backend';
import type { Listener, Outcome, Report } from './engine/events';
import { openReference } from './engine/reference';
import { runSuite } from './engine/run-suite';
import { maxSeed } from './engine/seed';
import { UsageError } from './errors';
import type { KnownFailureEntry } from './known-failures';
import type { Property } from './property';
import { renderReport } from './report/text';
import { supportsProblem } from './supports';

export interface CheckOptions {
  /** All of maskproof's by default. */
  readonly properties?: readonly Property[];
  /** Cases a property: 100 by default, without bound where `seconds` is given. */
  readonly runs?: number;
  /** Of the whole check. */
  readonly seconds?: number;
  /** 0 .. 2^31 - 1; a fresh one by default, told in the report. */
  readonly seed?: number;
  /** 'auto' (the default), 'oracle', 'wasm' or 'cpu'. */
  readonly reference?: string;
  readonly knownFailures?: readonly KnownFailureEntry[];
  /** Milliseconds that one call of the backend may take. */
  readonly timeoutMs?: number;
  readonly failFast?: boolean;
  readonly signal?: AbortSignal;
  readonly listeners?: readonly Listener[];
}

/**
 * Checks every law on a backend and returns all that was found; it rejects for no finding.
 * Throws a UsageError where the backend is not shaped like one or a number is out of range.
 */
export async function checkBackend(backend: Backend, options: CheckOptions = {}): Promise<Report> {
  const problem = supportsProblem(backend.supports);
  if (problem !== undefined)
    throw new UsageError('not_a_backend', {
      what: `The backend ${backend.name} declares what cannot be read: ${problem}`,
    });
  positive('runs', options.runs);
  positive('seconds', options.seconds);
  const seed = options.seed ?? randomInt(maxSeed + 1);
  if (!Number.isInteger(seed) || seed < 0 || seed > maxSeed)
    throw new UsageError('out_of_range', { what: `seed=${seed} is no whole number from 0 to ${maxSeed}.` });
  const reference = await openReference(options.reference ?? 'auto');
  try {
    return await runSuite({
      ...options,
      backends: [backend],
      properties: options.properties ?? everyProperty,
      seed,
      reference,
    });
  } finally {
    await reference.close();
  }
}

/** The same, but it throws an error with the pictures of the counterexamples where a law does not hold, a backend fails, or nothing was checked. */
export async function assertBackend(backend: Backend, options: CheckOptions = {}): Promise<void> {
  const report = await checkBackend(backend, options);
  const bad = report.outcomes.filter(isBad);
  if (bad.length > 0)
    throw new Error(
      `${backend.name}: ${bad.length} of ${report.outcomes.length} properties do not hold (seed ${report.seed}).\n\n${renderReport(report)}`,
    );
  if (report.outcomes.every(({ status }) => status === 'skipped'))
    throw new Error(`${backend.name}: nothing was checked.\n\n${renderReport(report)}`);
}

const isBad = ({ status, known, fixed }: Outcome): boolean =>
  fixed !== undefined || (known === undefined && (status === 'violated' || status === 'failed'));

function positive(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0))
    throw new UsageError('out_of_range', { what: `${name}=${value} is not positive.` });
}
