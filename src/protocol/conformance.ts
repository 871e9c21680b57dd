/** Whether a worker keeps the protocol: one check after another, each with what it found. Right answers are for the properties to judge. */
import * as fc from 'fast-check';
import type { AttentionCase, FloatType } from '../../reference/case';
import { floatTensor } from '../../reference/tensor';
import { attentionCase } from '../arbitraries/attention-case';
import type { BackendAnswer, ResolvedSupports, Supports } from '../backend';
import { readAnswer } from '../engine/answers';
import { TimeLimitError, within } from '../engine/guard';
import { BackendError } from '../errors';
import { domainOf, resolveSupports, supportsProblem } from '../supports';
import { toCamelCase } from './codec';
import { Connection, type Launch, type Question } from './connection';

export interface Check {
  readonly check: string;
  readonly ok: boolean;
  /** What was found, as a sentence or a few lines. */
  readonly detail: string;
}

/** What a check finds, or throws. */
type Finding = string;

/** The worker under examination, started again where a check lost it. */
class Patient {
  readonly #launch: Launch;
  #connection: Connection | undefined;
  #sessions = 0;

  constructor(launch: Launch) {
    this.#launch = launch;
  }

  async connection(): Promise<Connection> {
    if (this.#connection === undefined || !this.#connection.isAlive || this.#connection.isBusy) {
      this.#connection?.kill();
      this.#connection = await Connection.start(this.#launch, 'open');
    }
    return this.#connection;
  }

  async session(): Promise<{ readonly connection: Connection; readonly session: number }> {
    const connection = await this.connection();
    const session = ++this.#sessions;
    await connection.open(session);
    return { connection, session };
  }

  end(): void {
    this.#connection?.kill();
  }
}

const sampleSize = 64;
const sampleSeed = 1;
/** Wider than the buffer of a pipe, both ways. */
const bigLength = 192;

/** Runs every check. What stops a check is its finding; nothing is thrown but what is our own fault. */
export async function checkWorker(launch: Launch, timeoutMs = 60_000): Promise<Check[]> {
  const patient = new Patient(launch);
  const checks: Check[] = [];
  const examine = async (check: string, find: () => Promise<Finding>): Promise<boolean> => {
    try {
      // Starting it has a limit of its own: a library may take long to import.
      await patient.connection();
      checks.push({ check, ok: true, detail: await within(timeoutMs, find) });
      return true;
    } catch (error) {
      checks.push({ check, ok: false, detail: complaint(error) });
      return false;
    }
  };
  try {
    let supports = resolveSupports({});
    const isUp = await examine('says hello first, and declares what can be read', async () => {
      const { hello } = await patient.connection();
      supports = readSupports(hello.supports);
      const versions = Object.entries(hello.versions).map(([name, version]) => `${name} ${version}`);
      return `${hello.name}${versions.length > 0 ? ` (${versions.join(', ')})` : ', which tells no versions'}.`;
    });
    if (!isUp) return checks;
    for (const [check, find] of examinations(patient, supports)) await examine(check, find);
    return checks;
  } finally {
    patient.end();
  }
}

function readSupports(declared: unknown): ResolvedSupports {
  const supports = toCamelCase(declared);
  const problem = supportsProblem(supports);
  if (problem !== undefined) throw new Complaint(problem);
  return resolveSupports(supports as Partial<Supports>);
}

function examinations(patient: Patient, supports: ResolvedSupports): [string, () => Promise<Finding>][] {
  const want = Object.fromEntries(supports.returns.filter((name) => name !== 'output').map((name) => [name, true]));
  const sample = fc
    .sample(attentionCase(domainOf(supports)), { seed: sampleSeed, numRuns: sampleSize })
    .map((c) => ({ ...c, want, ...(want.gradients && { gradOutput: outputOf(c) }) }));
  const [simple] = fc.sample(attentionCase({ ...domainOf(supports), maskRanks: ['none'] }), {
    seed: sampleSeed,
    numRuns: 1,
  });

  return [
    [
      'answers one case',
      async () => {
        const { connection, session } = await patient.session();
        judge([simple], await connection.attend(session, [simple]), supports);
        return `${simple.query.dtype}, [${simple.query.shape.join(', ')}] queries.`;
      },
    ],
    [
      'answers many cases in order, in every dtype and form that it declares',
      async () => {
        const { connection, session } = await patient.session();
        judge(sample, await connection.attend(session, sample), supports);
        return `${sample.length} cases in ${[...new Set(sample.map((c) => c.query.dtype))].join(', ')}.`;
      },
    ],
    [
      'takes requests while it answers others, and gives each its own id',
      async () => {
        const { connection, session } = await patient.session();
        const parts = sample.slice(0, 16).map((_, n) => sample.slice(n, 2 * n + 1));
        const answers = await Promise.all(parts.map((part) => connection.attend(session, part)));
        parts.forEach((part, n) => judge(part, answers[n], supports));
        return `${parts.length} requests under way at once.`;
      },
    ],
    [
      'takes and gives frames that no pipe holds at once',
      async () => {
        const { connection, session } = await patient.session();
        const big = bigCase(simple);
        const answers = await Promise.all([1, 2, 3].map(() => connection.attend(session, [big, big])));
        for (const answer of answers) judge([big, big], answer, supports);
        return `3 requests of 2 cases with ${big.key.shape[2]} keys.`;
      },
    ],
    [
      'gives the same numbers alone and in company',
      async () => {
        const { connection, session } = await patient.session();
        const [together, alone] = [
          await connection.attend(session, [sample[0], simple]),
          await connection.attend(session, [simple]),
        ];
        if (!supports.deterministic || supports.bitwise === 'never')
          return 'Not looked at: it declares that it does not.';
        if (!sameNumbers(together[1], alone[0]))
          throw new Complaint(
            'A case after another one was answered otherwise than alone: are the answers in the order of the cases?',
          );
        return 'Bit for bit.';
      },
    ],
    [
      'keeps several sessions apart',
      async () => {
        const first = await patient.session();
        const second = await patient.session();
        await Promise.all(
          [first, second].map(async ({ connection, session }) =>
            judge([simple], await connection.attend(session, [simple]), supports),
          ),
        );
        await first.connection.close(first.session);
        judge([simple], await second.connection.attend(second.session, [simple]), supports);
        await second.connection.close(second.session);
        return 'Two were open at once, and one outlived the other.';
      },
    ],
    [
      'answers a case that is none with an error, and lives on',
      async () => {
        const { connection, session } = await patient.session();
        const found = await attempt(connection, session, headless(simple));
        judge([simple], await connection.attend(session, [simple]), supports);
        return `It said: ${found}`;
      },
    ],
    [
      'answers what it does not know with an error, and lives on',
      async () => {
        const { connection, session } = await patient.session();
        const odd = { type: 'dance', session } as unknown as Question;
        for (const [question, asked] of [
          [odd, 'a request of type "dance"'],
          [{ type: 'attend', session: session + 1000, cases: [simple] }, 'a session that was never opened'],
        ] as [Question, string][]) {
          const reply = await connection.ask(question, asked);
          if (reply.type !== 'error')
            throw new Complaint(`It replied ${JSON.stringify(reply.type)} to ${asked}, where "error" is due.`);
        }
        judge([simple], await connection.attend(session, [simple]), supports);
        return 'A request of no type, and a session that was never opened.';
      },
    ],
    [
      'ends when its input ends',
      async () => {
        const connection = await patient.connection();
        const { code, signal } = await connection.finish();
        if (code !== 0)
          throw new Complaint(signal === null ? `It exited with code ${code}, not 0.` : `It was killed by ${signal}.`);
        return 'With code 0.';
      },
    ],
  ];
}

/** Something that a worker does and ought not to. */
class Complaint extends Error {}

function complaint(error: unknown): string {
  if (error instanceof Complaint || error instanceof BackendError) return error.message;
  if (error instanceof TimeLimitError) return `It did not come back within ${error.timeoutMs / 1000} s.`;
  throw error;
}

/** Every answer has the shape that is due. A case that is declared and refused is a complaint too. */
function judge(cases: readonly AttentionCase[], answers: readonly BackendAnswer[], supports: ResolvedSupports): void {
  for (const [n, c] of cases.entries()) {
    const result = readAnswer(answers[n], c, c, supports);
    if ('malformed' in result) throw new Complaint(`It ${result.malformed} (case ${n}).`);
    if ('error' in result)
      throw new Complaint(
        `It answered case ${n}, which it declares, with ${result.error.type}: ${result.error.message}`,
      );
    const { changed } = answers[n] as { changed?: readonly string[] };
    if (changed !== undefined && changed.length > 0)
      throw new Complaint(`It says that it wrote into ${changed.join(', ')} (case ${n}).`);
  }
}

async function attempt(connection: Connection, session: number, c: AttentionCase): Promise<string> {
  const reply = await connection.ask(
    { type: 'attend', session, cases: [c] },
    'a case whose key has another head_dim than its query',
  );
  if (reply.type === 'error') return `${reply.error.type}: ${reply.error.message}`;
  const [answer] = reply.type === 'answer' ? reply.answers : [];
  if (answer !== undefined && 'error' in answer) return `${answer.error.type}: ${answer.error.message}`;
  throw new Complaint('A key with another head_dim than the query was answered, not refused.');
}

function sameNumbers(one: BackendAnswer, other: BackendAnswer): boolean {
  if ('error' in one || 'error' in other) return false;
  return one.output.data.every((x, n) => Object.is(x, other.output.data[n]));
}

/** A gradient in the shape of the output. */
function outputOf(c: AttentionCase) {
  const [batch, heads, qLen] = c.query.shape;
  const shape = [batch, heads, qLen, c.value.shape[3]];
  return floatTensor(c.query.dtype, shape, new Float64Array(shape.reduce((a, b) => a * b)).fill(1));
}

/** One head with so many keys that neither the request nor the answer fits into a pipe. */
function bigCase({ query, isCausal }: AttentionCase): AttentionCase {
  const tensor = filled(query.dtype, [1, 1, bigLength, bigLength]);
  return {
    bridge: 'base',
    query: tensor,
    key: tensor,
    value: tensor,
    isCausal,
    scale: 1 / Math.sqrt(bigLength),
    want: {},
  };
}

function filled(dtype: FloatType, shape: readonly number[]) {
  const size = shape.reduce((a, b) => a * b);
  return floatTensor(
    dtype,
    shape,
    Float64Array.from({ length: size }, (_, n) => ((n * 7) % 16) / 8 - 1),
  );
}

/** The case with a key that its query cannot meet. */
function headless(c: AttentionCase): AttentionCase {
  const [batch, heads, kvLen, headDim] = c.key.shape;
  return { ...c, key: filled(c.key.dtype, [batch, heads, kvLen, headDim + 1]) };
}
