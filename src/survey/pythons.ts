/** The interpreters that a worker in Python may run in, and the libraries in them: each is asked itself. */
import { findPythons, type Interpreter } from '../backends/python-environment';
import { ask } from './ask';

export interface PythonSurvey extends Interpreter {
  readonly version?: string;
  readonly libraries?: Readonly<Record<string, string>>;
  /** What PyTorch says of GPUs, where it is asked. */
  readonly torchDevices?: readonly string[];
  /** Why it does not answer. */
  readonly problem?: string;
}

const libraries = [
  ...['numpy', 'torch', 'transformers', 'transformer-lens', 'nnsight', 'interpretune', 'flash-attn', 'xformers'],
  ...['jax', 'tensorflow', 'onnxruntime', 'onnxruntime-gpu', 'pytest', 'hypothesis'],
];

/** Versions come from the metadata of what is installed: nothing is imported. */
const program = `
import importlib.metadata, json, sys
found = {}
for name in ${JSON.stringify(libraries)}:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps({"version": sys.version.split()[0], "libraries": found}))`;

const devices = `
import json, torch
found = [f"{torch.cuda.get_device_name(n)} (CUDA {torch.version.cuda})" for n in range(torch.cuda.device_count())]
if getattr(torch.backends, "mps", None) and torch.backends.mps.is_available():
    found.append("MPS")
print(json.dumps(found))`;

/** Every interpreter that is there, in the order in which they are looked for: the first is the one that is taken. Never rejects. */
export function surveyPythons(asked: string | undefined, timeoutMs: number): Promise<readonly PythonSurvey[]> {
  return Promise.all(findPythons(asked).map((one, n) => survey(one, n === 0, timeoutMs)));
}

async function survey(interpreter: Interpreter, isTaken: boolean, timeoutMs: number): Promise<PythonSurvey> {
  const [executable, ...before] = interpreter.command;
  const run = async <T>(source: string): Promise<T | { readonly problem: string }> => {
    const answer = await ask(executable, [...before, '-c', source], timeoutMs);
    if ('problem' in answer) return answer;
    try {
      return JSON.parse(answer.stdout) as T;
    } catch {
      return { problem: 'it printed something else than was asked' };
    }
  };
  const told = await run<{ version: string; libraries: Record<string, string> }>(program);
  if (isTaken && 'libraries' in told && told.libraries.torch !== undefined) {
    const seen = await run<string[]>(devices);
    return { ...interpreter, ...told, ...(Array.isArray(seen) && { torchDevices: seen }) };
  }
  return { ...interpreter, ...told };
}
