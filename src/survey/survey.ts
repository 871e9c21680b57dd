/** What runs on this machine: GPUs, engines of the reference, interpreters and backends. What may fall over is asked in a process of its own. */
import { engines, type EngineName } from '../../reference/gpu/engines';
import { builtinNames, builtins } from '../backends/builtin';
import { loadBackend } from '../backends/load';
import { pythonBuiltin, pythonBuiltinNames, pythonBuiltins } from '../backends/python-builtin';
import { closeWorkers } from '../backends/worker';
import { chooseEngine } from '../engine/choose-engine';
import { probeBackend, probeEngine, type ProbeAnswer } from '../engine/probe';
import { packageVersion } from '../version';
import { surveyGpus, type GpuSurvey } from './gpus';
import { surveyPythons, type PythonSurvey } from './pythons';

export interface Survey {
  readonly schema: 1;
  readonly maskproof: string;
  readonly node: string;
  readonly platform: string;
  readonly gpus: GpuSurvey;
  readonly engines: readonly EngineSurvey[];
  /** What `--reference auto` takes here. */
  readonly auto: { readonly reference: string; readonly reason: string };
  readonly pythons: readonly PythonSurvey[];
  readonly backends: readonly BackendSurvey[];
}

export type EngineSurvey = { readonly name: EngineName } & ProbeAnswer;

export interface BackendSurvey {
  readonly name: string;
  readonly versions?: Readonly<Record<string, string>>;
  /** Why it does not load. */
  readonly problem?: string;
}

/** Parts of a survey: every one is told as soon as it is known, lists an entry at a time. */
export type Part = { readonly [K in keyof Survey]?: Survey[K] };

/** Never rejects. `timeoutMs` is for each thing that is asked. */
export async function surveyHere(
  { python, timeoutMs, env }: { readonly python?: string; readonly timeoutMs: number; readonly env: NodeJS.ProcessEnv },
  tell: (part: Part) => void,
): Promise<Survey> {
  const told = <T extends Part>(part: T): T => {
    tell(part);
    return part;
  };
  const head = told({
    schema: 1 as const,
    maskproof: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    gpus: await surveyGpus(env, timeoutMs),
  });
  const found: EngineSurvey[] = [];
  // In turn: each has the machine for itself, or the speeds would tell of each other.
  for (const { name } of engines)
    found.push(...told({ engines: [{ name, ...(await probeEngine(name, 'check', timeoutMs)) }] }).engines);
  const { engine, reason } = await chooseEngine((name) => Promise.resolve(found.find((one) => one.name === name)!));
  const chosen = told({ auto: { reference: engine ?? 'oracle', reason } });
  const pythons = told({ pythons: await surveyPythons(python, timeoutMs) });
  const backends: BackendSurvey[] = [];
  const files = new Map<string, BackendSurvey>();
  for (const name of new Set([...builtinNames, ...pythonBuiltinNames])) {
    // The backends of one file stand on the same libraries, which take seconds to load.
    const file = pythonBuiltins[name]?.file ?? name;
    const known = files.get(file) ?? (await surveyBackend(name, python, timeoutMs));
    files.set(file, known);
    backends.push(...told({ backends: [{ ...known, name }] }).backends);
  }
  return { ...head, engines: found, ...chosen, ...pythons, backends };
}

async function surveyBackend(name: string, python: string | undefined, timeoutMs: number): Promise<BackendSurvey> {
  try {
    if (pythonBuiltinNames.includes(name)) {
      const { versions = {} } = await pythonBuiltin(name, { python, startTimeoutMs: timeoutMs });
      return { name, versions };
    }
    if (builtins[name].whenNamed === undefined) {
      const { versions = {} } = await loadBackend(name, { check: false });
      return { name, versions };
    }
    const probed = await probeBackend(name, timeoutMs);
    return 'error' in probed ? { name, problem: probed.error.message } : { name, ...probed };
  } catch (error) {
    return { name, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    // Each has loaded libraries of its own.
    closeWorkers();
  }
}
