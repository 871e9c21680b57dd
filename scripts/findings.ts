/**
 * Makes docs/findings.md anew: `npm run findings`. The pictures are those of `maskproof replay` on the cases of known-failures/, and
 * what stands under a reproduction is what it printed. Where a library is not installed its findings keep what stands there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { properties } from '../properties';
import { storeFolder } from '../reference/gpu/engines/tensorflow-store';
import { loadBackend } from '../src/backends/load';
import { setupFolder } from '../src/backends/python-environment';
import { closeWorkers } from '../src/backends/worker';
import type { Backend } from '../src/backend';
import { openReference } from '../src/engine/reference';
import { replayForPicture } from '../src/engine/replay';
import { defaultTimeoutMs } from '../src/engine/run-suite';
import { Subject } from '../src/engine/subject';
import { BackendError } from '../src/errors';
import { matchesGlob } from '../src/glob';
import { shippedKnownFailures, type KnownFailureEntry } from '../src/known-failures';
import { renderFinding } from '../src/report/finding';

const root = join(__dirname, '..');
export const page = join(root, 'docs', 'findings.md');
const python = join(setupFolder(), 'bin', 'python');

/** A stretch of the page that is made: its kind, what the marker names, and what stands there now. */
const made = /<!-- (picture|reproduction): (.+?) -->\n([^]*?)<!-- end -->/g;

export interface Stretch {
  readonly kind: string;
  readonly names: string;
  readonly body: string;
}

export function stretchesOf(text: string): Stretch[] {
  return [...text.matchAll(made)].map(([, kind, names, body]) => ({ kind, names, body }));
}

/** What the stretch is now, or undefined where the library is not installed. */
export async function remade({ kind, names, body }: Stretch): Promise<string | undefined> {
  return kind === 'picture' ? pictureOf(names) : reproduced(names.split(' '), body);
}

/** `BACKEND PROPERTY FACETS...`: the first known failure of that property whose facets have these values. */
async function pictureOf(names: string): Promise<string | undefined> {
  const [name, id, ...values] = names.split(' ');
  const property = properties.find((one) => one.id === id);
  const meant = shippedKnownFailures().filter((one) => isMeant(one, name, id, values));
  const entry = meant.find((one) => one.property === id) ?? meant.at(0);
  if (property === undefined || entry?.case === undefined)
    throw new Error(`docs/findings.md asks for a picture of ${names}, and known-failures/ has no such case.`);
  const backend = await loaded(name);
  if (backend === undefined) return undefined;
  const reference = await openReference('oracle');
  const subject = new Subject(backend, reference, defaultTimeoutMs);
  const outcome = await replayForPicture(subject, property, entry.case, entry.after);
  await reference.close();
  if (outcome.counterexample === undefined)
    throw new Error(`${names} is ${outcome.status}, and there is no picture of that.`);
  const context = {
    style: { ascii: false, color: false },
    backend: subject.info,
    again: 'maskproof replay on its case in known-failures/',
  };
  return fenced(renderFinding(outcome, outcome.counterexample, [], context).join('\n'));
}

function isMeant(entry: KnownFailureEntry, backend: string, id: string, values: readonly string[]): boolean {
  const facets = Object.values(entry.when ?? {});
  return (
    matchesGlob(backend, entry.backend) &&
    matchesGlob(id, entry.property) &&
    values.every((value) => facets.includes(value))
  );
}

const backends = new Map<string, Promise<Backend | undefined>>();

/** The backend of the release that the page speaks of; one process for all of its pictures. */
function loaded(name: string): Promise<Backend | undefined> {
  const backend = backends.get(name) ?? load(name);
  backends.set(name, backend);
  return backend;
}

async function load(name: string): Promise<Backend | undefined> {
  try {
    return await loadBackend(name, { check: false, python: existsSync(python) ? python : undefined });
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return undefined;
  }
}

const releaseFolder = (release: string): string => join(dirname(setupFolder()), 'transformer-lens-releases', release);

/** Runs the block of code that comes first; `names` are the modules that it needs, or "node". */
function reproduced(names: readonly string[], body: string): string | undefined {
  const [, language, code] = /^```(\w+)\n([^]*?)```\n/.exec(body) ?? [];
  if (code === undefined)
    throw new Error(`A reproduction of docs/findings.md (${names.join(' ')}) has no block of code.`);
  const printed = language === 'js' ? runNode(names, code) : runPython(names, code);
  if (printed === undefined) return undefined;
  return ['```' + language, code.trimEnd(), '```', '', 'prints', '', fenced(printed).trimEnd(), ''].join('\n');
}

/** `tensorflow` comes out of the store that `npm run setup:tensorflow` makes. */
function runNode(names: readonly string[], code: string): string | undefined {
  const store = join(storeFolder('cpu'), 'node_modules');
  if (names.includes('tensorflow') && !existsSync(store)) return undefined;
  return run(process.execPath, ['-e', code], { ...process.env, NODE_PATH: store, TF_CPP_MIN_LOG_LEVEL: '2' });
}

/** `MODULE@RELEASE` comes from a folder of its own; `cuda` is a GPU that PyTorch can use. */
function runPython(names: readonly string[], code: string): string | undefined {
  const release = names.map((name) => name.split('@')[1]).find((one) => one !== undefined);
  const folder = release === undefined ? undefined : releaseFolder(release);
  if (!existsSync(python) || (folder !== undefined && !existsSync(folder))) return undefined;
  const env = { ...process.env, ...(folder !== undefined && { PYTHONPATH: folder }) };
  const onCuda = 'import sys, torch; sys.exit(not torch.cuda.is_available())';
  if (names.includes('cuda') && spawnSync(python, ['-c', onCuda], { env }).status !== 0) return undefined;
  const modules = names.filter((name) => name !== 'cuda').map((name) => name.split('@')[0]);
  const find = 'import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))';
  if (spawnSync(python, ['-c', find, ...modules], { env }).status !== 0) return undefined;
  return run(python, ['-W', 'ignore', '-c', code], env);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: root, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`A reproduction of docs/findings.md ended with status ${status}:\n${stderr}`);
  return stdout;
}

const fenced = (text: string): string => ['```', text.trim(), '```', ''].join('\n');

async function main(): Promise<void> {
  let text = readFileSync(page, 'utf8');
  for (const stretch of stretchesOf(text)) {
    const now = await remade(stretch);
    const { kind, names, body } = stretch;
    const marker = `<!-- ${kind}: ${names} -->\n`;
    if (now === undefined) process.stdout.write(`${names}: not installed here, left as it was.\n`);
    else text = text.replace(`${marker}${body}`, () => `${marker}${now}`);
    writeFileSync(page, text);
  }
  closeWorkers();
}

if (require.main === module) void main();
