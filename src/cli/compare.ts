/** maskproof compare: several backends on the same cases, as a table of how far they are apart. */
import { randomInt } from 'node:crypto';
import type * as fc from 'fast-check';
import type { Case } from '../../reference/model-case';
import { kindOfProperty } from '../cases';
import { openReference } from '../engine/reference';
import { maxSeed } from '../engine/seed';
import { defaultTimeoutMs } from '../engine/run-suite';
import { Subject } from '../engine/subject';
import { UsageError } from '../errors';
import { commonSupports } from '../parity/common';
import { compareBackends, type Parity } from '../parity/run';
import type { Property } from '../property';
import { quote } from '../report/finding';
import { renderParity } from '../report/parity';
import { parityText } from '../report/parity-json';
import { escapeControls } from '../report/style';
import { loadBackends } from './backends';
import { exitCode } from './exit-code';
import { refuseUnwritable } from './fuzz';
import { styleFor, type Io } from './io';
import { writeText } from './reports';
import { interruptible } from './signals';

export interface CompareOptions {
  readonly backend: readonly string[];
  readonly runs: number;
  readonly seed?: number;
  /** Seconds that making one difference small may take. */
  readonly seconds: number;
  readonly json?: string;
  readonly ascii?: boolean;
  readonly check: boolean;
  readonly timeout?: number;
}

export async function compare(options: CompareOptions, io: Io): Promise<number> {
  if (options.backend.length < 2)
    throw new UsageError('one_backend', {
      what: `compare was given ${options.backend.length === 0 ? 'no backend' : `one backend, ${options.backend[0]}`}.`,
      mend: 'Name two at the least: maskproof compare --backend A --backend B.',
    });
  if (options.json !== undefined && options.json !== '-') refuseUnwritable(options.json, '--json');
  const { loaded, unloaded } = await loadBackends(options.backend, options.check);
  for (const { error } of unloaded) io.err(`${error.name}: ${escapeControls(error.message)}\n`);
  if (unloaded.length > 0) return exitCode({ failed: true });
  const reference = await openReference('oracle');
  const timeoutMs = (options.timeout ?? defaultTimeoutMs / 1000) * 1000;
  const subjects = loaded.map(({ backend }) => new Subject(backend, reference, timeoutMs));
  const cases = commonCases(subjects);
  const seed = options.seed ?? randomInt(maxSeed + 1);
  const settings = { runs: options.runs, seed, shrinkMs: options.seconds * 1000 };
  const parity = await interruptible(io.err, (signal) => compareBackends(subjects, cases, { ...settings, signal }));
  const backends = subjects.map(({ info }) => info);
  const { json } = options;
  if (json === '-') io.out(parityText(parity, backends));
  else {
    if (json !== undefined) writeText('--json', json, parityText(parity, backends));
    const specs = loaded.map(({ spec }) => `--backend ${quote(spec)}`).join(' ');
    const again = `npx maskproof compare ${specs} --runs ${options.runs} --seed ${seed}`;
    const style = styleFor(io, options.ascii === true);
    const versions = backends.map(({ name, versions }) =>
      [`  ${name}`, ...Object.entries(versions).map((entry) => entry.join(' '))].join('  '),
    );
    io.out(`${escapeControls(versions.join('\n'))}\n\n${renderParity(parity, { style, backends, again })}\n`);
  }
  return statusOf(parity);
}

/** Every case that all of the backends declare to take. Throws a UsageError where there is none. */
function commonCases(subjects: readonly Subject[]): fc.Arbitrary<Case> {
  const supports = commonSupports(subjects.map((subject) => subject.info));
  const nothing = (why: string) =>
    new UsageError('nothing_in_common', {
      what: `${subjects.map(({ backend }) => backend.name).join(' and ')} cannot be compared.`,
      facts: [why],
      mend: 'maskproof list --backend SPEC prints what each of them takes.',
    });
  if (typeof supports === 'string') throw nothing(supports);
  const all = everything(supports.model === undefined ? 'attention' : 'model');
  const kind = kindOfProperty(all);
  const empty = kind.emptiness(all, supports);
  if (empty !== undefined) throw nothing(empty);
  return kind.arbitrary(all, supports);
}

/** A law of every case, and of nothing: it only says what is drawn. */
const everything = (kind: 'attention' | 'model'): Property => ({
  id: 'compare',
  statement: 'The backends answer the same.',
  kind,
  compares: 'radius',
  needs: {},
  cases: (domain) => domain,
  check: () => Promise.resolve(undefined),
});

function statusOf({ pairs, silences, interrupted }: Parity): number {
  return exitCode({
    failed: silences.length > 0,
    violated: pairs.some(({ differing }) => differing > 0),
    interrupted,
    checked: pairs.some(({ rows }) => rows.compared > 0),
  });
}
