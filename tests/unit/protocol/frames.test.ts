import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../reference/tensor';
import { FRAME_OFFSET, framed, FrameError, FrameReader, MAX_FRAME } from '../../../src/protocol/frames';
import { writeSafetensors } from '../../../src/protocol/safetensors';

const frameOf = (n: number) =>
  framed(writeSafetensors([['x', floatTensor('float32', [n], new Float64Array(n).fill(n))]], {}, FRAME_OFFSET));

describe('frames', () => {
  it('come out whole, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 60 })),
        (sizes, cuts) => {
          const frames = sizes.map(frameOf);
          const stream = Buffer.concat(frames);
          const reader = new FrameReader();
          const found: Uint8Array[] = [];
          for (let at = 0; at < stream.length;) {
            const size = cuts.next().value as number;
            found.push(...reader.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(found.map((file) => Buffer.from(file).toString('hex'))).toEqual(
            frames.map((frame) => Buffer.from(frame.subarray(4)).toString('hex')),
          );
          expect(reader.partial).toBe(0);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it.each(['Loading weights\n', 'a\nb\n', 'ok\n\tfine and done', '\u001b[32mgreen', '12345678'])(
    'are not the text %j',
    (text) => {
      expect(() => new FrameReader().push(Buffer.from(text))).toThrow(FrameError);
    },
  );

  it('are not a length alone that no frame has', () => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(MAX_FRAME + 1);
    const push = () => new FrameReader().push(bytes);
    expect(push).toThrow(FrameError);
    expect(push).toThrow(`a length of ${MAX_FRAME + 1} bytes`);
  });

  it('are not what begins like one and holds no safetensors file', () => {
    const frame = Buffer.from(frameOf(3));
    frame[12] = 0x5b;
    expect(() => new FrameReader().push(frame)).toThrow(FrameError);
  });

  it('are told as early as they can be: short text before a frame', () => {
    expect(() => new FrameReader().push(Buffer.concat([Buffer.from('ok\n'), frameOf(2)]))).toThrow(FrameError);
  });

  it('wait for the rest', () => {
    const reader = new FrameReader();
    const frame = frameOf(5);
    expect(reader.push(frame.subarray(0, 30))).toEqual([]);
    expect(reader.partial).toBe(30);
    expect(reader.push(frame.subarray(30))).toHaveLength(1);
  });
});
