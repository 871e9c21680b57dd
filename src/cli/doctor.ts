/** maskproof doctor: what runs here, or whether a worker keeps the protocol. */
import { pythonBuiltinEnv, pythonBuiltinNames, pythonBuiltinSpec } from '../backends/python-builtin';
import { isWorkerSpec, launchOf } from '../backends/worker';
import { checkWorker, type Check } from '../protocol/conformance';
import { escapeControls, marksOf } from '../report/style';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';
import { surveyRenderer } from '../survey/render';
import { surveyHere } from '../survey/survey';

export interface DoctorOptions {
  /** A command, python:FILE.py[:NAME], or the name of a backend in Python. */
  readonly worker?: string;
  readonly python?: string;
  readonly ascii?: boolean;
  readonly json?: boolean;
  /** Seconds that one check may take. */
  readonly timeout?: number;
}

const defaultSeconds = 60;

export async function doctor(options: DoctorOptions, io: Io): Promise<number> {
  return options.worker === undefined ? examineHere(options, io) : examineWorker(options.worker, options, io);
}

async function examineWorker(worker: string, options: DoctorOptions, io: Io): Promise<number> {
  const checks = await checkWorker(
    launchOf(specOfWorker(worker), { python: options.python, env: environmentOf(worker, io.env) }),
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

const environmentOf = (worker: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  pythonBuiltinNames.includes(worker) ? pythonBuiltinEnv(worker, env) : env;

const indented = (text: Check['detail']): string => `    ${escapeControls(text).replaceAll('\n', '\n    ')}`;

/** All that runs here. Whatever is asked may hang or fall over: that is an answer too. */
async function examineHere(options: DoctorOptions, io: Io): Promise<number> {
  const render = surveyRenderer(marksOf(styleFor(io, options.ascii ?? false)));
  const asked = { python: options.python, timeoutMs: (options.timeout ?? defaultSeconds) * 1000, env: io.env };
  const survey = await surveyHere(asked, (part) => {
    if (!options.json) io.out(render(part));
  });
  if (options.json) io.out(`${JSON.stringify(survey, undefined, 2)}\n`);
  return exitCode({ checked: true });
}
