import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../reference/tensor';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import {
  caseFromSafetensors,
  caseToSafetensors,
  MessageError,
  readHello,
  readReply,
  writeRequest,
} from '../../../src/protocol/messages';
import { readSafetensors, writeSafetensors } from '../../../src/protocol/safetensors';
import { smallCase } from '../../workers/support';

const file = (message: unknown, tensors: Parameters<typeof writeSafetensors>[0] = []) =>
  writeSafetensors(tensors, { maskproof: JSON.stringify(message) });
const hello = { type: 'hello', protocol: 1, name: 'mine', supports: {} };

describe('a case as a file', () => {
  it('comes back as the same case', () => {
    fc.assert(
      fc.property(attentionCase(), (c) => {
        expect(caseFromSafetensors(caseToSafetensors(c))).toEqual(c);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('a request', () => {
  it('names the tensors of its cases', () => {
    const frame = writeRequest({ type: 'attend', id: 3, session: 2, cases: [smallCase(), smallCase(2)] });
    expect(new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)).toBe(frame.length - 4);
    const { metadata, tensors } = readSafetensors(frame.subarray(4));
    expect(JSON.parse(metadata.maskproof)).toEqual({
      type: 'attend',
      id: 3,
      session: 2,
      cases: [0, 1].map((n) => ({
        bridge: 'base',
        query: `${n}.query`,
        key: `${n}.key`,
        value: `${n}.value`,
        mask: { rank: 2, form: 'boolean', tensor: `${n}.mask` },
        is_causal: false,
        scale: 1,
      })),
    });
    expect(tensors.get('1.mask')).toEqual(smallCase(2).mask?.tensor);
    expect(tensors.size).toBe(8);
  });
});

describe('what a worker says', () => {
  it('is a hello first', () => {
    expect(readHello(file(hello))).toEqual({ ...hello, versions: {}, sessions: 'shared' });
    expect(readHello(file({ ...hello, protocol: 9, supports: undefined }))).toMatchObject({ protocol: 9 });
  });

  it.each([
    [{ type: 'answer', id: 1 }, 'the first message is a message of type "answer", where a hello is due'],
    [7, 'the first message is the message 7, where a hello is due'],
    [{ ...hello, name: '' }, 'its hello has no name'],
    [{ ...hello, supports: [] }, 'its hello has no supports'],
    [{ ...hello, versions: { torch: 2 } }, 'the versions in its hello are no object of strings'],
    [{ ...hello, sessions: 'many' }, 'the sessions in its hello are "many", not "shared" or "process"'],
  ])('is refused as a hello: %j', (message, text) => {
    expect(() => readHello(file(message))).toThrow(new MessageError(text));
  });

  it('is an answer with its tensors', () => {
    const output = floatTensor('float32', [1, 1, 1, 1], [2]);
    const reply = readReply(
      file(
        {
          type: 'answer',
          id: 4,
          answers: [
            { output: '0.output', weights: 'w', changed: ['mask'] },
            { error: { type: 'E', message: 'm' } },
            {},
          ],
        },
        [
          ['0.output', output],
          ['w', output],
        ],
      ),
    );
    expect(reply).toEqual({
      type: 'answer',
      id: 4,
      answers: [
        { output, weights: output, changed: ['mask'] },
        { error: { type: 'E', message: 'm' } },
        { output: undefined },
      ],
    });
  });

  it.each([
    [
      { type: 'answer', id: 1, answers: [{ output: 'x' }] },
      'an answer names the tensor "x", which is not in the frame',
    ],
    [{ type: 'answer', id: 1 }, 'an answer without a list of answers'],
    [{ type: 'answer' }, 'a message of type "answer" without an id'],
    [{ type: 'hello', id: 1 }, 'it is a message of type "hello", where opened, answer, closed or error is due'],
    [null, 'the message is null'],
  ])('is refused as a reply: %j', (message, text) => {
    expect(() => readReply(file(message))).toThrow(new MessageError(text));
  });

  it('is refused without the key', () => {
    expect(() => readReply(writeSafetensors([]))).toThrow(new MessageError('its __metadata__ has no "maskproof"'));
  });
});
