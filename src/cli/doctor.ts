/** maskproof doctor: what runs here, or whether a worker keeps the protocol. */
import { builtinNames } from '../backends/builtin';
import { findPython } from '../backends/python-environment';
import { pythonBuiltin, pythonBuiltinNames, pythonBuiltinSpec } from '../backends/python-builtin';
import { isWorkerSpec, launchOf } from '../backends/worker';
import { checkWorker, type Check } from '../protocol/conformance';
import { escapeControls, marksOf } from '../report/style';
import { packageVersion } from '../version';
import { loadBackend } from '../backends/load';
import { BackendError } from '../errors';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';

export interface DoctorOptions {
  /** A command, python:FILE.py[:NAME], or the name of a backend in Python. */
  readonly worker?: string;
  readonly python?: string;
  readonly ascii?: boolean;
  /** Seconds that one check may take. */
  readonly timeout?: number;
}

const defaultSeconds = 60;

export async function doctor(options: DoctorOptions, io: Io): Promise<number> {
  return options.worker === undefined ? examineHere(options, io) : examineWorker(options.worker, options, io);
}

async function examineWorker(worker: string, options: DoctorOptions, io: Io): Promise<number> {
  const checks = await checkWorker(
    launchOf(specOfWorker(worker), { python: options.python }),
    (options.timeout ?? defaultSeconds) * 1000,
  );
  const marks = marksOf(styleFor(io, options.ascii ?? false));
  const lines = checks.map(
    ({ check, ok, detail }) => `${ok ? marks.held : marks.violated} ${check}\n${indented(detail)}`,
  );
  const bad = checks.filter(({ ok }) => !ok).length;
  const verdict =
    bad === 0
      ? `It keeps the protocol: ${checks.length} of ${checks.length} checks.`
      : `It does not keep the protocol: ${bad} of ${checks.length} checks failed. See docs/protocol.md.`;
  io.out(`${lines.join('\n')}\n\n${verdict}\n`);
  return exitCode({ failed: bad > 0, checked: true });
}

/** A bare command is one for the shell. */
function specOfWorker(worker: string): string {
  if (pythonBuiltinNames.includes(worker)) return pythonBuiltinSpec(worker);
  return isWorkerSpec(worker) ? worker : `exec:${worker}`;
}

const indented = (text: Check['detail']): string => `    ${escapeControls(text).replaceAll('\n', '\n    ')}`;

/** Every backend by name: its versions where it loads, and why not where it does not. */
async function examineHere(options: DoctorOptions, io: Io): Promise<number> {
  const { command, because } = findPython(options.python);
  io.out(`maskproof ${packageVersion()}, Node ${process.versions.node} on ${process.platform} ${process.arch}\n`);
  io.out(`Python: ${command.join(' ')} (${because})\n\nBackends:\n`);
  const marks = marksOf(styleFor(io, options.ascii ?? false));
  for (const name of new Set([...builtinNames, ...pythonBuiltinNames])) {
    try {
      const { versions = {} } = pythonBuiltinNames.includes(name)
        ? await pythonBuiltin(name, { python: options.python })
        : await loadBackend(name, { check: false });
      const known = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
      io.out(`  ${marks.held} ${name}${known.length > 0 ? ` (${escapeControls(known.join(', '))})` : ''}\n`);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      io.out(`  ${marks.skipped} ${name}: ${escapeControls(error.message.split('\n')[0])}\n`);
    }
  }
  return exitCode({ checked: true });
}
