/** A survey as plain text. */
import { escapeControls, type Marks } from '../report/style';
import type { ProbeAnswer } from '../engine/probe';
import type { GpuSurvey } from './gpus';
import type { PythonSurvey } from './pythons';
import type { Part } from './survey';

/** Renders parts as they come: a heading stands before the first of its kind. Every text ends with a newline. */
export function surveyRenderer(marks: Marks): (part: Part) => string {
  const begun = new Set<string>();
  const heading = (text: string) => (begun.has(text) ? [] : (begun.add(text), ['', text]));
  const entry = (name: string, problem: string | undefined, about: string): string =>
    problem === undefined ? `  ${marks.held} ${name}${about}` : `  ${marks.skipped} ${name}: ${firstLine(problem)}`;
  return ({ maskproof, node, platform, gpus, engines = [], auto, pythons = [], backends = [] }) => {
    const lines = [
      ...(maskproof === undefined ? [] : [`maskproof ${maskproof}, Node ${node} on ${platform}`]),
      ...(gpus === undefined ? [] : [...heading('GPUs:'), ...gpuLines(gpus).map((line) => `  ${line}`)]),
      ...engines.flatMap((engine) => [
        ...heading('Engines of the reference:'),
        ...('error' in engine
          ? [entry(engine.name, engine.error.message, '')]
          : [
              entry(engine.name, undefined, `: ${engine.describe}`),
              ...checkLines(engine).map((line) => `      ${line}`),
            ]),
      ]),
      ...(auto === undefined ? [] : [`  --reference auto takes ${auto.reference}: ${auto.reason}`]),
      ...pythons.flatMap((python) => [
        ...heading('Python, the first is taken:'),
        entry(`${python.command.join(' ')} (${python.because})`, python.problem, aboutPython(python)),
      ]),
      ...backends.flatMap(({ name, versions = {}, problem }) => [
        ...heading('Backends:'),
        entry(name, problem, inBrackets(versions)),
      ]),
    ];
    return lines.map((line) => `${escapeControls(line)}\n`).join('');
  };
}

function gpuLines({ nvidia, devices, vulkan }: GpuSurvey): string[] {
  return [
    ...('problem' in nvidia
      ? [`none of NVIDIA: ${nvidia.problem}`]
      : nvidia.map(({ name, driver, memory }) => `${name}, driver ${driver}, ${memory}`)),
    ...(devices.length > 0 ? [`device files: ${devices.join(', ')}`] : []),
    ...vulkan.map(({ file, library, apiVersion, problem }) =>
      problem === undefined
        ? `Vulkan driver ${library}${apiVersion === undefined ? '' : `, Vulkan ${apiVersion}`} (${file})`
        : `Vulkan driver ${file}: ${problem}`,
    ),
    ...(vulkan.length === 0 && process.platform === 'linux' ? ['no driver for Vulkan'] : []),
  ];
}

function checkLines({ check, speed }: Exclude<ProbeAnswer, { error: unknown }>): string[] {
  if (check === undefined || speed === undefined) return [];
  const { precision, measured, cases, largest, seconds } = check;
  const { roundoffs, at } = measured.exp;
  return [
    `${precision}, exp off by ${roundoffs.toFixed(1)} roundoffs at ${at.toFixed(1)}`,
    `self-check: ${cases} cases in ${seconds.toFixed(1)} s, the largest error is ${largest.toFixed(2)} of what is allowed`,
    `speed: ${Math.round(speed).toLocaleString('en')} cases a second of 1 x 2 x 4 x 4 x 4, 512 a launch`,
  ];
}

function aboutPython({ version, libraries = {}, torchDevices }: PythonSurvey): string {
  const gpus = torchDevices === undefined ? '' : `; PyTorch sees ${torchDevices.join(', ') || 'no GPU'}`;
  return `: ${version ?? 'unknown version'}${inBrackets(libraries)}${gpus}`;
}

function inBrackets(versions: Readonly<Record<string, string>>): string {
  const known = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
  return known.length > 0 ? ` (${known.join(', ')})` : '';
}

const firstLine = (text: string): string => text.split('\n')[0];
