/**
 * What is said between us and a worker, one message a frame: JSON under one key of the file's metadata, and the tensors that it
 * names. docs/protocol.md is this file in words.
 */
import type { AttentionCase, Tensor } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import type { BackendAnswer } from '../backend';
import { attentionFromWire, caseToWireWith, numberToWire, type WireCase } from './codec';
import type { WireModelCase } from './model-codec';
import { FRAME_OFFSET, framed } from './frames';
import { readSafetensors, writeSafetensors } from './safetensors';

export const PROTOCOL = 1;
/** The key of `__metadata__` that holds the message. */
const KEY = 'maskproof';

/** What a worker says first. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly name: string;
  /** In snake_case. */
  readonly supports: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string>>;
  /** `process`: only a process of its own makes a session fresh. */
  readonly sessions: 'shared' | 'process';
}

/** What we ask. */
export type Request =
  | { readonly type: 'open'; readonly id: number; readonly session: number }
  | { readonly type: 'attend'; readonly id: number; readonly session: number; readonly cases: readonly Case[] }
  | { readonly type: 'close'; readonly id: number; readonly session: number };

/** Something that was raised, in Python's words. */
export interface RemoteError {
  readonly type: string;
  readonly message: string;
  readonly traceback?: string;
}

/** What a worker says after that: each reply has the id of its request. */
export type Reply =
  | { readonly type: 'opened' | 'closed'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly answers: readonly BackendAnswer[] }
  | { readonly type: 'error'; readonly id: number; readonly error: RemoteError };

/** A frame whose message is none of ours: the message says what stands there. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/** A frame that asks. */
export function writeRequest(request: Request): Uint8Array {
  const tensors = new Map<Tensor, string>();
  const message =
    request.type === 'attend'
      ? { ...request, cases: request.cases.map((c, n) => caseBeside(c, tensors, `${n}.`)) }
      : request;
  return framed(writeSafetensors(byName(tensors), { [KEY]: JSON.stringify(message) }, FRAME_OFFSET));
}

/** The case in words, its tensors put into `tensors` under names that begin with `prefix`. One that is there already goes by the name it has. */
function caseBeside(c: Case, tensors: Map<Tensor, string>, prefix: string): WireCase<string> | WireModelCase<string> {
  return caseToWireWith(c, (tensor, part) => {
    const known = tensors.get(tensor);
    if (known !== undefined) return known;
    const name = prefix + part;
    tensors.set(tensor, name);
    return name;
  });
}

function* byName(tensors: ReadonlyMap<Tensor, string>): IterableIterator<readonly [string, Tensor]> {
  for (const [tensor, name] of tensors) yield [name, tensor];
}

/** A case as a safetensors file, its tensors named as they are in the wire form. */
export function caseToSafetensors(c: AttentionCase): Uint8Array {
  const tensors = new Map<Tensor, string>();
  const message = JSON.stringify(caseBeside(c, tensors, ''));
  return writeSafetensors(byName(tensors), { [KEY]: message });
}

/** The way back. Throws a SafetensorsError, a MessageError or a WireError. */
export function caseFromSafetensors(file: Uint8Array): AttentionCase {
  const { message, tensors } = read(file);
  return attentionFromWire(withTensors(message, tensors));
}

/** The wire form with numbers in it again, wherever a tensor is named. */
function withTensors(message: unknown, tensors: ReadonlyMap<string, Tensor>): unknown {
  if (!isRecord(message)) return message;
  const place = (at: unknown) => {
    const tensor = typeof at === 'string' ? tensors.get(at) : undefined;
    return tensor === undefined ? at : { ...tensor, data: Array.from(tensor.data, numberToWire) };
  };
  const inside = (x: unknown, name: string) => (isRecord(x) ? { ...x, [name]: place(x[name]) } : x);
  return Object.fromEntries(
    Object.entries(message).map(([name, item]) => {
      if (name === 'mask') return [name, inside(item, 'tensor')];
      if (name === 'rotary') return [name, inside(item, 'position_ids')];
      return [name, name === 'bridge' || name === 'mask_layout' ? item : place(item)];
    }),
  );
}

function read(file: Uint8Array): { message: unknown; tensors: ReadonlyMap<string, Tensor> } {
  const { metadata, tensors } = readSafetensors(file);
  const text = metadata[KEY];
  if (text === undefined) throw new MessageError(`its __metadata__ has no ${JSON.stringify(KEY)}`);
  try {
    return { message: JSON.parse(text), tensors };
  } catch (error) {
    throw new MessageError(`the text under ${JSON.stringify(KEY)} is no JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The first message of a worker. Throws a SafetensorsError or a MessageError. */
export function readHello(file: Uint8Array): Hello {
  const { message } = read(file);
  if (!isRecord(message) || message.type !== 'hello')
    throw new MessageError(`the first message is ${typeOf(message)}, where a hello is due`);
  const { protocol, name, supports, versions = {}, sessions = 'shared' } = message;
  // A worker of another protocol may say the rest in another way.
  if (protocol !== PROTOCOL)
    return {
      type: 'hello',
      protocol: Number(protocol),
      name: String(name),
      supports: {},
      versions: {},
      sessions: 'shared',
    };
  if (typeof name !== 'string' || name === '') throw new MessageError('its hello has no name');
  if (!isRecord(supports)) throw new MessageError('its hello has no supports');
  if (!isRecord(versions) || Object.values(versions).some((version) => typeof version !== 'string'))
    throw new MessageError('the versions in its hello are no object of strings');
  if (sessions !== 'shared' && sessions !== 'process')
    throw new MessageError(`the sessions in its hello are ${JSON.stringify(sessions)}, not "shared" or "process"`);
  return { type: 'hello', protocol, name, supports, versions: versions as Record<string, string>, sessions };
}

/** Any later message of a worker. Throws a SafetensorsError or a MessageError. */
export function readReply(file: Uint8Array): Reply {
  const { message, tensors } = read(file);
  if (!isRecord(message)) throw new MessageError(`the message is ${JSON.stringify(message)}`);
  const { type, id } = message;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) throw new MessageError(`${typeOf(message)} without an id`);
  if (type === 'opened' || type === 'closed') return { type, id };
  if (type === 'error') return { type, id, error: remoteError(message.error) };
  if (type !== 'answer')
    throw new MessageError(`it is ${typeOf(message)}, where opened, answer, closed or error is due`);
  if (!Array.isArray(message.answers)) throw new MessageError('an answer without a list of answers');
  return { type, id, answers: message.answers.map((answer) => readAnswer(answer, tensors)) };
}

/** What is missing stays missing: the session judges the shape of every answer. */
function readAnswer(answer: unknown, tensors: ReadonlyMap<string, Tensor>): BackendAnswer {
  if (!isRecord(answer)) throw new MessageError(`one of the answers is ${JSON.stringify(answer)}`);
  if (answer.error !== undefined) return { error: remoteError(answer.error) };
  const named = (name: unknown) => {
    if (typeof name !== 'string') return undefined;
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new MessageError(`an answer names the tensor ${JSON.stringify(name)}, which is not in the frame`);
    return tensor;
  };
  const { gradients, changed } = answer;
  const read: Record<string, unknown> = { output: named(answer.output) };
  if (answer.logits !== undefined) read.logits = named(answer.logits);
  if (answer.weights !== undefined) read.weights = named(answer.weights);
  if (answer.scores !== undefined) read.scores = named(answer.scores);
  if (isRecord(gradients))
    read.gradients = Object.fromEntries(Object.entries(gradients).map(([name, tensor]) => [name, named(tensor)]));
  if (Array.isArray(changed)) read.changed = changed.map(String);
  return read as unknown as BackendAnswer;
}

function remoteError(error: unknown): RemoteError {
  const { type, message, traceback } = isRecord(error) ? error : {};
  return {
    type: typeof type === 'string' && type !== '' ? type : 'Error',
    message: typeof message === 'string' ? message : (JSON.stringify(error) ?? ''),
    ...(typeof traceback === 'string' && { traceback }),
  };
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

const typeOf = (message: unknown): string =>
  isRecord(message) ? `a message of type ${JSON.stringify(message.type)}` : `the message ${JSON.stringify(message)}`;
