/** What a test runner needs of the suite: a test per property, of which each passes, is skipped with a reason, or throws the picture. */
import { randomInt } from 'node:crypto';
import { properties as everyProperty } from '../properties';
import type { Backend } from './backend';
import { loadBackend } from './backends/load';
import { checkBackend, type CheckOptions } from './check-backend';
import type { Outcome, Report } from './engine/events';
import { maxSeed } from './engine/seed';
import { tamed } from './report/foreign';
import { plainFinding, titleOf } from './report/plain-finding';

export interface BlockOptions extends Omit<CheckOptions, 'signal' | 'failFast'> {
  /** The block's title; the backend by default. */
  readonly title?: string;
  /** Milliseconds that one test may take, shrinking included; 120,000 by default. */
  readonly testTimeoutMs?: number;
}

export interface BlockCase {
  /** The property's id. */
  readonly name: string;
  /** The reason where it is to be skipped. Throws where the property does not hold or the backend fails. */
  readonly run: () => Promise<string | undefined>;
}

/** `caller`: the function that a user called, where the stack of a failure begins. */
export function casesFor(
  backend: Backend | string,
  { title, testTimeoutMs = 120_000, properties = everyProperty, ...options }: BlockOptions,
  caller: (...given: never[]) => unknown,
): { readonly title: string; readonly cases: readonly BlockCase[]; readonly timeoutMs: number } {
  const site: { stack?: string } = {};
  Error.captureStackTrace(site, caller);
  const frames = (site.stack ?? '').split('\n').slice(1).join('\n');
  // One seed for the block: a fresh one where none is given, and every failure tells it.
  const seed = options.seed ?? randomInt(maxSeed + 1);
  let loading: Promise<Backend> | undefined;
  const loaded = () =>
    (loading ??= typeof backend === 'string' ? loadBackend(backend, { check: false }) : Promise.resolve(backend));
  return {
    title: title ?? `maskproof: ${typeof backend === 'string' ? backend : backend.name}`,
    timeoutMs: testTimeoutMs,
    cases: properties.map((property) => ({
      name: property.id,
      run: async () => {
        const report = await checkBackend(await loaded(), { ...options, seed, properties: [property] });
        const [outcome] = report.outcomes;
        if (isBad(outcome)) throw failureOf(report, frames);
        return outcome.status === 'skipped'
          ? (outcome.reason ?? 'skipped')
          : outcome.known && `known: ${outcome.known.reason}`;
      },
    })),
  };
}

const isBad = ({ status, known, fixed }: Outcome): boolean =>
  fixed !== undefined || (known === undefined && (status === 'violated' || status === 'failed'));

/** An error whose message is what the command line prints, and whose stack is the user's. */
function failureOf(report: Report, frames: string): Error {
  const { outcomes, backends, seed } = tamed(report);
  const [outcome] = outcomes;
  const told = outcome.fixed ? titleOf(outcome) : plainFinding(outcome, backends[0]);
  const error = new Error(`${told}\n  Seed of the run: ${seed}.`);
  error.name = 'MaskproofError';
  error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}
