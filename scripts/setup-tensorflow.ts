/**
 * Makes what the engine `tensorflow` loads: npm run setup:tensorflow [-- --gpu] [-- --own]
 *
 * On Linux on x86-64 that is TensorFlow's libraries out of PyPI's wheels, locked by hash, and the addon of @tensorflow/tfjs-node compiled from the
 * package's own source. Elsewhere, and with --own, the package's own installer does it, which downloads libraries that nobody signed.
 * All of it is in a store outside of node_modules. What was done is not done again, and a run that was interrupted goes on where it stopped.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  manifestOf,
  packageIn,
  sha256Of,
  storeFolder,
  storeProblem,
  type Manifest,
  type Variant,
} from '../reference/gpu/engines/tensorflow-store';

/** What somebody can mend: a sentence, and no stack. */
class SetupError extends Error {}

const locks = join(__dirname, 'tensorflow');
/** Megabytes: to download, as the lock files say, and on disk. */
const sizes = {
  cpu: { lock: ['tensorflow-cpu'], disk: 1_050 },
  gpu: { lock: ['tensorflow-gpu', 'cuda'], disk: 3_900 },
};
const isLocked = process.platform === 'linux' && process.arch === 'x64';

function main(args: readonly string[]): void {
  const odd = args.find((arg) => !['--gpu', '--own'].includes(arg));
  if (odd !== undefined) throw new SetupError(`There is no option ${odd}; there are --gpu and --own.`);
  const variant: Variant = args.includes('--gpu') ? 'gpu' : 'cpu';
  const own = args.includes('--own') || !isLocked;
  const store = storeFolder(variant);
  if (existsSync(store)) {
    const problem = storeProblem(store);
    if (problem === undefined && readManifest(store)?.made === recipe(variant, own)) return say(`Ready: ${store}`);
    say(`${store} is made again: ${problem === undefined ? 'what it is made of has changed' : problem}.`);
    rmSync(store, { recursive: true });
  }
  const partial = `${store}.partial`;
  announce(variant, own, partial);
  mkdirSync(partial, { recursive: true });
  startAfresh(partial, recipe(variant, own));
  installPackage(partial);
  const libraries = own ? runOwnInstaller(partial, variant) : fromWheels(partial, variant);
  writeManifest(partial, libraries, check(partial), recipe(variant, own));
  renameSync(partial, store);
  say(`Ready: ${store}`);
}

/** What the store is made of: a change of it makes a new one. */
function recipe(variant: Variant, own: boolean): string {
  const files = ['package-lock.json', ...(own ? [] : sizes[variant].lock.map((name) => `${name}.lock.txt`))];
  const hash = createHash('sha256').update(own ? 'own' : 'wheels');
  for (const file of files) hash.update(readFileSync(join(locks, file)));
  return hash.digest('hex');
}

/** Says what is coming before anything is downloaded, and refuses where the disk has no room for it. */
function announce(variant: Variant, own: boolean, partial: string): void {
  const { disk } = sizes[variant];
  if (own) {
    say(
      `The installer of @tensorflow/tfjs-node downloads TensorFlow 2.9.1 for ${process.platform} ${process.arch}, about 100 MB (CUDA: 350 MB).`,
    );
    return;
  }
  const downloads = sizes[variant].lock.map(
    (name) => /[\d.]+ [MG]B(?= download)/.exec(lockOf(name))?.[0] ?? 'an unknown amount',
  );
  say(
    `Downloads ${downloads.join(' and ')} from PyPI and 60 MB from npm; needs ${disk / 1000} GB on disk in ${partial.replace(/\.partial$/, '')}.`,
  );
  let folder = partial;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free < disk * 1.5)
    throw new SetupError(
      `${folder} has ${free} MB free, and ${Math.ceil(disk * 1.5)} MB are needed while it is made.\n  Make room, or name another folder: MASKPROOF_TENSORFLOW=/a/folder.`,
    );
}

/** What an interrupted run left is used if it is of the same recipe. */
function startAfresh(partial: string, made: string): void {
  const mark = join(partial, 'recipe');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === made) return;
  for (const name of readdirSync(partial)) rmSync(join(partial, name), { recursive: true });
  writeFileSync(mark, made);
}

/** @tensorflow/tfjs-node and the headers of Node's interface for addons, as their lock file has them, without their install scripts. */
function installPackage(partial: string): void {
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(locks, file), join(partial, file));
  once(partial, 'package', () => {
    say('Installing @tensorflow/tfjs-node without its install script.');
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: partial,
      shell: process.platform === 'win32',
    });
  });
}

function runOwnInstaller(partial: string, variant: Variant): readonly string[] {
  const folder = packageIn(partial);
  once(partial, 'own', () => {
    say("Running the package's own installer.");
    const bin = join(partial, 'node_modules', '.bin');
    const path = `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`;
    const { status } = spawnSync(process.execPath, [join('scripts', 'install.js'), variant], {
      cwd: folder,
      stdio: 'inherit',
      timeout: 900_000,
      env: { ...process.env, PATH: path },
    });
    if (status !== 0)
      throw new SetupError(
        [
          `The installer of @tensorflow/tfjs-node failed on ${process.platform} ${process.arch}: it downloads from a host that is not reachable everywhere.`,
          ...(isLocked
            ? ['Leave --own out: PyPI has the libraries too.']
            : [
                'Use another engine: --reference webgpu (npm install --save-dev webgpu @tensorflow/tfjs-backend-webgpu), or wasm.',
              ]),
        ].join('\n  '),
      );
  });
  const lib = join(folder, 'deps', 'lib');
  return existsSync(lib)
    ? readdirSync(lib)
        .map((name) => join(lib, name))
        .filter((file) => statSync(file).isFile())
    : [];
}

/** Libraries and headers out of locked wheels, one wheel at a time, and the addon compiled against them. */
function fromWheels(partial: string, variant: Variant): readonly string[] {
  const python = process.env.PYTHON ?? 'python3';
  need(
    python,
    ['-m', 'pip', '--version'],
    `${python} has no pip, which downloads TensorFlow's libraries.`,
    'Install python3-pip, or name another interpreter: PYTHON=/usr/bin/python3.',
  );
  need(
    'g++',
    ['--version'],
    'There is no g++, which compiles the addon.',
    'Install a compiler for C++17: apt-get install g++.',
  );
  for (const name of sizes[variant].lock) {
    const wheels = lockOf(name)
      .split('\n')
      .filter((line) => line.includes('=='));
    for (const line of wheels) once(partial, line.split(' ')[0], () => takeWheel(partial, python, line));
  }
  once(partial, 'addon', () => compile(partial));
  const nvidia = join(partial, 'nvidia');
  const cuda = existsSync(nvidia) ? readdirSync(nvidia).flatMap((name) => filesIn(join(nvidia, name, 'lib'))) : [];
  return [...filesIn(join(partial, 'lib')), ...cuda];
}

function takeWheel(partial: string, python: string, line: string): void {
  const [wheel] = line.split(' ');
  const folder = join(partial, 'wheels');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const requirement = join(folder, 'requirement.txt');
  writeFileSync(requirement, `${line}\n`);
  say(`Downloading ${wheel}.`);
  const platforms = ['manylinux_2_17_x86_64', 'manylinux2014_x86_64', 'manylinux1_x86_64', 'manylinux_2_27_x86_64'];
  const downloaded = spawnSync(
    python,
    [
      ...[
        '-m',
        'pip',
        'download',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--require-hashes',
        '--only-binary=:all:',
      ],
      ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none'],
      ...platforms.flatMap((platform) => ['--platform', platform]),
      ...['--dest', folder, '--requirement', requirement],
    ],
    { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' },
  );
  if (downloaded.status !== 0) {
    const isWrong = /DO NOT MATCH THE HASHES/.test(downloaded.stderr);
    throw new SetupError(
      isWrong
        ? `${wheel} is another file than the one that ${relative(process.cwd(), locks)} names by its hash: it is refused.\n  ${lastLines(downloaded.stderr)}`
        : `pip could not download ${wheel}.\n  ${lastLines(downloaded.stderr)}\n  Run this again where PyPI can be reached: what is done is not done again.`,
    );
  }
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new SetupError(`pip downloaded no wheel for ${wheel}.`);
  run(python, [join(locks, 'extract.py'), join(folder, file), partial], { stdio: ['ignore', 'ignore', 'inherit'] });
  rmSync(folder, { recursive: true });
}

/** As the package's binding.gyp says, but for where the libraries are: in the store, five folders above the addon. */
function compile(partial: string): void {
  say('Compiling the addon.');
  const lib = join(partial, 'lib');
  for (const [link, target] of [
    ['libtensorflow.so', 'libtensorflow_cc.so.2'],
    ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
  ]) {
    rmSync(join(lib, link), { force: true });
    symlinkSync(target, join(lib, link));
  }
  const folder = packageIn(partial);
  const addon = addonIn(partial);
  mkdirSync(dirname(addon), { recursive: true });
  run('g++', [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8'],
    ...[
      '-I',
      join(partial, 'node_modules', 'node-api-headers', 'include'),
      '-I',
      join(partial, 'include'),
      '-I',
      folder,
    ],
    ...[join(folder, 'binding', 'tfjs_backend.cc'), join(folder, 'binding', 'tfjs_binding.cc')],
    ...['-L', lib, '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../../../../lib', '-o', addon],
  ]);
}

const addonIn = (folder: string): string => join(packageIn(folder), 'lib', 'napi-v8', 'tfjs_binding.node');

/** Loads it in a process of its own, where it may fall over, and multiplies; returns TensorFlow's version. */
function check(partial: string): string {
  const program = `
    const util = require('node:util');
    util.isNullOrUndefined ??= (x) => x === null || x === undefined;
    const tf = require(${JSON.stringify(packageIn(partial))});
    const [x] = tf.matMul(tf.tensor2d([2], [1, 1]), tf.tensor2d([3], [1, 1])).dataSync();
    if (x !== 6) throw new Error('2 * 3 is ' + x + ' there');
    process.stdout.write(tf.backend().binding.TF_Version);`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    env,
    timeout: 120_000,
  });
  if (status !== 0)
    throw new SetupError(`What was made does not load (${signal ?? `status ${status}`}).\n  ${lastLines(stderr)}`);
  return stdout;
}

type Made = Manifest & { readonly made: string };

function readManifest(store: string): Made | undefined {
  return JSON.parse(readFileSync(manifestOf(store), 'utf8')) as Made;
}

function writeManifest(partial: string, libraries: readonly string[], tensorflow: string, made: string): void {
  say('Writing down the hashes of what is there.');
  const addons = readdirSync(join(packageIn(partial), 'lib')).map((abi) =>
    join(packageIn(partial), 'lib', abi, 'tfjs_binding.node'),
  );
  const files = [...libraries, ...addons.filter((file) => existsSync(file))].map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [relative(partial, file), { size, mtimeMs, sha256: sha256Of(file) }] as const;
  });
  const manifest: Made = { version: 1, tensorflow, made, files: Object.fromEntries(files) };
  writeFileSync(manifestOf(partial), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Does a step, unless a run before this one has done it. */
function once(partial: string, step: string, work: () => void): void {
  const done = join(partial, 'done');
  const mark = join(done, step);
  if (existsSync(mark)) return;
  work();
  mkdirSync(done, { recursive: true });
  writeFileSync(mark, '');
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));
}

const lockOf = (name: string): string => readFileSync(join(locks, `${name}.lock.txt`), 'utf8');
const lastLines = (text: string): string => text.trim().split('\n').slice(-6).join('\n  ');

function need(program: string, args: readonly string[], what: string, mend: string): void {
  if (spawnSync(program, args).status !== 0) throw new SetupError(`${what}\n  ${mend}`);
}

function run(program: string, args: readonly string[], options: object = {}): void {
  const { status, signal, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (error) throw new SetupError(`${program} could not be run: ${error.message}`);
  if (status !== 0)
    throw new SetupError(`${program} ${args.slice(0, 3).join(' ')} ... ended with ${signal ?? `status ${status}`}.`);
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
