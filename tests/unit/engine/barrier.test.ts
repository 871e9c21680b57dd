import { describe, expect, it } from 'vitest';
import type { Case } from '../../../reference/model-case';
import { together, type Ask, type Target } from '../../../src/engine/barrier';

const named = (name: string) => ({ name }) as unknown as Case;
const nameOf = (c: Case) => (c as unknown as { name: string }).name;

/** Answers each case with its name, and remembers every batch. */
function recorder() {
  const batches: string[] = [];
  const send = async (target: Target, cases: readonly Case[]) => {
    batches.push(`${target}: ${cases.map(nameOf).join(' ')}`);
    await new Promise((resolve) => setImmediate(resolve));
    return cases.map((c) => (nameOf(c) === 'bad' ? new Error('no answer') : nameOf(c)));
  };
  return { batches, send };
}

describe('together', () => {
  it('sends what all checks ask for in one batch, in the order of the checks', async () => {
    const { batches, send } = recorder();
    const checks = ['a', 'b', 'c'].map((name) => async (ask: Ask<string>) => (await ask('backend', [named(name)]))[0]);
    const settled = await together(checks, send);
    expect(batches).toEqual(['backend: a b c']);
    expect(settled.map((x) => x.status === 'fulfilled' && x.value)).toEqual(['a', 'b', 'c']);
  });

  it('waits for checks that ask twice, and for those that end early', async () => {
    const { batches, send } = recorder();
    const twice = async (ask: Ask<string>) => {
      await ask('backend', [named('a1')]);
      await ask('backend', [named('a2')]);
    };
    const slow = async (ask: Ask<string>) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await ask('backend', [named('b1'), named('b2')]);
    };
    await together([twice, async () => undefined, slow], send);
    expect(batches).toEqual(['backend: a1 b1 b2', 'backend: a2']);
  });

  it('keeps several requests of one check, each target its own batch, and loners alone', async () => {
    const { batches, send } = recorder();
    const many = async (ask: Ask<string>) =>
      Promise.all([ask('backend', [named('a')]), ask('reference', [named('r')]), ask('alone', [named('x')])]);
    const other = async (ask: Ask<string>) => ask('alone', [named('y')]);
    await together<string, unknown>([many, other], send);
    expect(batches).toEqual(['backend: a', 'reference: r', 'alone: x', 'alone: y']);
  });

  it('throws an error to the check whose case it is, and to no other', async () => {
    const { send } = recorder();
    const settled = await together(
      [(ask: Ask<string>) => ask('backend', [named('bad')]), (ask: Ask<string>) => ask('backend', [named('good')])],
      send,
    );
    expect(settled.map((x) => x.status)).toEqual(['rejected', 'fulfilled']);
  });

  it('rejects every check of a batch that could not be sent', async () => {
    const settled = await together(
      [(ask: Ask<string>) => ask('backend', [named('a')]), (ask: Ask<string>) => ask('backend', [named('b')])],
      () => Promise.reject(new Error('gone')),
    );
    expect(settled.every((x) => x.status === 'rejected')).toBe(true);
  });
});
