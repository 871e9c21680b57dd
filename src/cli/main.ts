/** The command line. Commands are loaded when they are called: --help and a mistyped option answer at once. */
import { Command, CommanderError, Option } from 'commander';
import { maxSeed } from '../engine/seed';
import { BackendError, UsageError } from '../errors';
import { didYouMean } from '../nearest';
import { packageVersion } from '../version';
import type { CompareOptions } from './compare';
import type { DoctorOptions } from './doctor';
import { exitCode } from './exit-code';
import type { ExportOptions } from './export';
import type { FuzzOptions } from './fuzz';
import { processIo, type Io } from './io';
import type { ListOptions } from './list';
import type { MergeOptions } from './merge';
import { seconds, wholeNumber } from './number-options';
import type { ReplayOptions } from './replay';
import type { ShrinkOptions } from './shrink';

/* eslint-disable @typescript-eslint/no-require-imports -- a command's modules are loaded when it is called */
const commands = {
  config: () => require('./config-file') as typeof import('./config-file'),
  fuzz: () => require('./fuzz') as typeof import('./fuzz'),
  replay: () => require('./replay') as typeof import('./replay'),
  shrink: () => require('./shrink') as typeof import('./shrink'),
  compare: () => require('./compare') as typeof import('./compare'),
  merge: () => require('./merge') as typeof import('./merge'),
  export: () => require('./export') as typeof import('./export'),
  list: () => require('./list') as typeof import('./list'),
  init: () => require('./init') as typeof import('./init'),
  doctor: () => require('./doctor') as typeof import('./doctor'),
};
/* eslint-enable @typescript-eslint/no-require-imports */

const specHelp = 'a built-in name (maskproof list prints them), or the path of an adapter';
const MAX_RUNS = 1_000_000_000;
const MAX_JOBS = 256;
const defaultCorpus = 'maskproof-corpus';
/** As a shell tells of what SIGPIPE ended. */
const BROKEN_PIPE = 141;

/** Reads the arguments, runs the command, and returns the exit status. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const program = programFor(io, (code) => (status = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      io.err(`maskproof: ${sentenceOf(error, program)}\n`);
      return exitCode({ usage: true });
    }
    if (error instanceof UsageError) {
      io.err(`maskproof: ${error.message}\n`);
      return exitCode({ usage: true });
    }
    if (error instanceof BackendError) {
      io.err(`${error.name}: ${error.message}\n`);
      return exitCode({ failed: true });
    }
    throw error;
  }
}

function programFor(io: Io, done: (code: number) => void): Command {
  const program = new Command('maskproof')
    .description('Property-based verification of attention masks.')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ writeOut: io.out, writeErr: () => undefined })
    .action(() => {
      io.err(program.helpInformation());
      done(exitCode({ usage: true }));
    });

  const collect = (value: string, all: readonly string[]) => [...all, value];
  const backends = () =>
    new Option('-b, --backend <spec>', `${specHelp}; may be repeated`)
      .argParser(collect)
      .default([], 'every built-in one that loads');
  const backend = () => new Option('-b, --backend <spec>', specHelp);
  const noCheck = () => new Option('--no-check', 'load adapters without checking their types');
  const ascii = () => new Option('--ascii', 'draw with # . X o');
  const reference = () =>
    new Option(
      '--reference <name>',
      'what answers for the definition: auto, oracle, tensorflow, webgpu, wasm, cpu',
    ).default('auto');
  const timeout = () => new Option('--timeout <seconds>', 'how long one call may take').argParser(seconds('--timeout'));
  const seed = (what: string) => new Option('--seed <n>', what).argParser(wholeNumber('--seed', 0, maxSeed));

  program
    .command('fuzz')
    .description('check every property on every backend')
    .addOption(backends())
    .addOption(
      new Option('-p, --property <id>', "a property's id or a pattern such as 'forms/*'; may be repeated")
        .argParser(collect)
        .default([], 'all'),
    )
    .addOption(
      new Option('--runs <n>', 'cases for each property; 100, or 40 without --backend').argParser(
        wholeNumber('--runs', 1, MAX_RUNS),
      ),
    )
    .addOption(new Option('--seconds <s>', 'time for the whole run').argParser(seconds('--seconds')))
    .addOption(
      new Option(
        '--mode <mode>',
        'pr: a fixed seed, and only new findings fail; nightly: a fresh seed and 1000 cases',
      ).choices(['pr', 'nightly']),
    )
    .addOption(new Option('--jobs <n>', 'threads').argParser(wholeNumber('--jobs', 1, MAX_JOBS)))
    .option('--shard <i/n>', 'do one part of n of the run; none: all of it, whatever the CI says')
    .addOption(seed(`where the cases come from, 0 to ${maxSeed}`))
    .addOption(reference())
    .option('--fail-fast', 'stop after the first finding')
    .option('--known-failures <file>', 'findings that are known, beside those that come with maskproof')
    .option('--corpus <dir>', 'replay the counterexamples there first, and save new ones')
    .option('--json <file>', "write the report as JSON; '-' is standard output")
    .option('--junit <file>', 'write it as JUnit XML')
    .option('--sarif <file>', 'write it as SARIF')
    .option('--html <file>', 'write it as one page with the pictures')
    .addOption(timeout())
    .addOption(ascii())
    .addOption(noCheck())
    .option('--config <file>', 'take options from there; maskproof.config.ts by default, none: from nowhere')
    .action(async (options: FuzzOptions, command: Command) => {
      const isGiven = (option: string) => command.getOptionValueSource(option) === 'cli';
      done(await commands.fuzz().fuzz(await commands.config().withConfig(options, isGiven), io));
    });

  program
    .command('replay')
    .description('check a counterexample again: FIXED, VIOLATED or ERROR')
    .argument('[file...]', 'counterexample files, or their names in the corpus')
    .addOption(backend())
    .option('-p, --property <id>', 'with --seed and --path, instead of a file')
    .addOption(seed('of the batch, as the finding prints it'))
    .option('--path <path>', 'as the finding prints it')
    .option('--corpus <dir>', 'where names are looked up', defaultCorpus)
    .addOption(reference())
    .addOption(timeout())
    .addOption(ascii())
    .addOption(noCheck())
    .action(async (files: string[], options: ReplayOptions) =>
      done(await commands.replay().replay(files, options, io)),
    );

  program
    .command('shrink')
    .description('make a failing case from elsewhere as small as it goes')
    .argument('<file>', 'a case as JSON or .safetensors')
    .addOption(backend().makeOptionMandatory())
    .requiredOption('-p, --property <id>', 'which property it violates')
    .option('--corpus <dir>', 'where the smallest case is kept', defaultCorpus)
    .addOption(new Option('--seconds <s>', 'how long shrinking may take').argParser(seconds('--seconds')).default(60))
    .addOption(reference())
    .addOption(timeout())
    .addOption(ascii())
    .addOption(noCheck())
    .action(async (file: string, options: ShrinkOptions) => done(await commands.shrink().shrink(file, options, io)));

  program
    .command('export')
    .description('write a counterexample as a test or as tensors that others can use')
    .argument('<file>', 'a counterexample file, or its name in the corpus')
    .addOption(
      new Option('--to <target>', 'what to write').choices(['pytest', 'vitest', 'safetensors']).makeOptionMandatory(),
    )
    .option('-o, --output <file>', "where; named for the case by default, '-' is standard output")
    .addOption(backend())
    .option('--corpus <dir>', 'where names are looked up', defaultCorpus)
    .addOption(noCheck())
    .action(async (file: string, options: ExportOptions) =>
      done(await commands.export().exportCase(file, options, io)),
    );

  program
    .command('compare')
    .description('several backends on the same cases: how far apart they are, and what tells them apart')
    .addOption(new Option('-b, --backend <spec>', `${specHelp}; twice at the least`).argParser(collect).default([]))
    .addOption(new Option('--runs <n>', 'cases').argParser(wholeNumber('--runs', 1, MAX_RUNS)).default(200))
    .addOption(seed(`where the cases come from, 0 to ${maxSeed}`))
    .addOption(
      new Option('--seconds <s>', 'how long making one difference small may take')
        .argParser(seconds('--seconds'))
        .default(60),
    )
    .option('--json <file>', "write the table as JSON; '-' is standard output")
    .addOption(timeout())
    .addOption(ascii())
    .addOption(noCheck())
    .action(async (options: CompareOptions) => done(await commands.compare().compare(options, io)));

  program
    .command('merge')
    .description('join the reports of all shards of a run')
    .argument('<file...>', 'reports that --shard and --json wrote')
    .option('--json <file>', "write the whole report as JSON; '-' is standard output")
    .option('--junit <file>', 'write it as JUnit XML')
    .option('--sarif <file>', 'write it as SARIF')
    .option('--html <file>', 'write it as one page with the pictures')
    .addOption(ascii())
    .action((files: string[], options: MergeOptions) => done(commands.merge().merge(files, options, io)));

  program
    .command('list')
    .description('print the properties and the built-in backends')
    .addOption(backends())
    .option('--json', 'as JSON')
    .addOption(ascii())
    .addOption(noCheck())
    .action(async (options: ListOptions) => done(await commands.list().list(options, io)));

  program
    .command('init')
    .description('write an adapter and a CI snippet to start from')
    .action(() => done(commands.init().init(io)));

  program
    .command('doctor')
    .description('say what runs here, or whether a worker keeps the protocol')
    .option('--worker <command>', 'a command, python:FILE.py, or the name of a backend in Python')
    .option('--json', 'as JSON')
    .addOption(ascii())
    .addOption(timeout())
    .action(async (options: DoctorOptions) => done(await commands.doctor().doctor(options, io)));

  const speakToBackends = ['fuzz', 'replay', 'shrink', 'compare', 'list', 'doctor'];
  for (const command of program.commands.filter((each) => speakToBackends.includes(each.name())))
    command.option('--python <exe>', 'the interpreter that workers in Python run in');
  // Workers are started far from here, in threads too: what they inherit is the environment.
  program.hook('preAction', (_, command) => {
    const { python } = command.opts<{ python?: string }>();
    if (python !== undefined) process.env.MASKPROOF_PYTHON = python;
  });
  return program;
}

/** What commander complains of, in one sentence with the nearest name. */
function sentenceOf(error: CommanderError, program: Command): string {
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const running = program.commands.find((command) => program.args[0] === command.name()) ?? program;
  const help = running === program ? 'maskproof --help' : `maskproof ${running.name()} --help`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const option = named.split('=')[0];
      const options = running.options.flatMap(({ long }) => (long ? [long] : []));
      return `There is no option ${option}.${didYouMean(option, options)}\n  ${help} prints the options.`;
    }
    case 'commander.unknownCommand':
    case 'commander.excessArguments': {
      const names = program.commands.map((command) => command.name());
      const word = running === program ? (program.args[0] ?? named) : '';
      return word === ''
        ? `${running.name()} takes fewer arguments: ${error.message.replace(/^error: /, '')}\n  ${help} prints them.`
        : `There is no command ${JSON.stringify(word)}.${didYouMean(word, names)}\n  ${help} prints the commands.`;
    }
    case 'commander.missingArgument':
      return `${running.name()} needs <${named}>.\n  ${help} says what it is.`;
    case 'commander.missingMandatoryOptionValue':
      return `${running.name()} needs ${/--[\w-]+/.exec(named)?.[0] ?? named}.\n  ${help} says what it is.`;
    case 'commander.optionMissingArgument':
      return `${named} needs a value.\n  ${help} says which.`;
    default:
      return error.message.replace(/^error: /, '');
  }
}

/** The process: arguments in, exit status out. An error that is neither the user's nor a backend's keeps its stack. */
export async function runProcess(): Promise<void> {
  let outputLost: string | undefined;
  process.stdout.on('error', ({ code = 'an error' }: NodeJS.ErrnoException) => {
    if (outputLost !== undefined) return;
    outputLost = code;
    // Nobody listens any more: what a run found is still written to its files, and only what holds ends with 0.
    if (code === 'EPIPE' && !process.emit('SIGTERM', 'SIGTERM')) process.exit(BROKEN_PIPE);
  });
  process.stderr.on('error', () => undefined);
  let status: number;
  try {
    status = await main(process.argv.slice(2), processIo());
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${stack}\nThis is a bug in maskproof: please report it with the lines above.\n`);
    status = 70;
  }
  if (outputLost !== undefined && outputLost !== 'EPIPE') {
    process.stderr.write(`maskproof: standard output could not be written: ${outputLost}.\n`);
    if (status !== exitCode({ interrupted: true })) status = exitCode({ usage: true });
  }
  // A backend may have left timers or threads behind: they do not keep a finished run alive.
  process.stdout.write('', () => process.exit(status));
}
