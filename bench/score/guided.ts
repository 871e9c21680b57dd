/**
 * Whether a search that climbs finds mistakes sooner than a random one: half of its cases are drawn afresh, and half are changed from
 * those with the largest error / radius so far. Measured on the mutants that the law against the reference needs the most cases for.
 */
import agreesWithReference from '../../properties/numerics/agrees-with-reference';
import type { AttentionCase, FloatTensor, Tensor } from '../../reference/case';
import { round } from '../../reference/dtype';
import { Dice } from '../../src/arbitraries/dice';
import { casesOf, drawBatch } from '../../src/engine/draw';
import { openReference } from '../../src/engine/reference';
import type { Session } from '../../src/engine/session';
import { Subject } from '../../src/engine/subject';
import { madeNow, type Guided, type Mutants } from './measured';
import { backendNamed } from './zoo';

const law = agreesWithReference;
const mutants = 12;
const seeds = 8;
const runs = 1_000;
/** How many of the best cases are kept to change. */
const kept = 16;

interface Climbed {
  readonly c: AttentionCase;
  readonly height: number;
}

export async function scoreGuided(tell: (line: string) => void, { mutants: scored }: Mutants): Promise<Guided> {
  const casesFor = (mutant: (typeof scored)[number]) => mutant.killedBy?.[law.id] ?? 0;
  const hardest = scored.toSorted((a, b) => casesFor(b) - casesFor(a)).slice(0, mutants);
  const rows: Guided['rows'][number][] = [];
  for (const { name } of hardest) {
    const found = { random: [] as number[], guided: [] as number[] };
    for (let seed = 1; seed <= seeds; seed++) {
      found.random.push(await casesUntilItFalls(name, seed, 0));
      found.guided.push(await casesUntilItFalls(name, seed, 0.5));
    }
    rows.push({ mutant: name, ...found });
    tell(`${name}: random ${found.random.join(' ')}; guided ${found.guided.join(' ')}`);
  }
  return { made: madeNow(), law: law.id, runs, rows };
}

/** `runs` where it stands. */
async function casesUntilItFalls(mutant: string, seed: number, share: number): Promise<number> {
  const subject = new Subject(backendNamed(mutant), await openReference('oracle'), 60_000);
  const arbitrary = casesOf(law, subject.supports);
  const fresh = drawBatch(arbitrary, seed, runs).values();
  const dice = new Dice(seed, 1, 2);
  const best: Climbed[] = [];
  return subject.inFreshSession(async (session) => {
    for (let n = 1; n <= runs; n++) {
      const changed = best.length > 0 && dice.chance(share) ? changedFrom(dice, dice.pick(best).c) : undefined;
      const c = changed && arbitrary.canShrinkWithoutContext(changed) ? changed : fresh.next().value!;
      const [{ type }] = await subject.check(law, [c], session);
      if (type !== 'held') return n;
      if (share === 0) continue;
      best.push({ c, height: await heightOf(subject, session, c) });
      best.sort((a, b) => b.height - a.height).splice(kept);
    }
    return runs;
  });
}

/** The largest error / radius of an answer that is right: what the search climbs. */
async function heightOf(subject: Subject, session: Session, c: AttentionCase): Promise<number> {
  const [answer] = await session.attend([c]);
  if (!('output' in answer)) return 0;
  const { centre, radius } = subject.expect(c).output;
  let height = 0;
  answer.output.data.forEach((x, n) => {
    const ratio = Math.abs(x - centre[n]) / radius[n];
    if (ratio > height && ratio <= 1) height = ratio;
  });
  return height;
}

/** Numbers scaled or moved, or one cell of the mask turned over. */
function changedFrom(dice: Dice, c: AttentionCase): AttentionCase {
  const { mask } = c;
  if (mask?.form === 'boolean' && dice.chance(1 / 3)) {
    const tensor = withNumber(mask.tensor, dice, (x) => 1 - x);
    return { ...c, mask: { ...mask, tensor } };
  }
  const part = dice.pick(['query', 'key', 'value'] as const);
  const { dtype } = c[part];
  if (dice.chance(0.5))
    return { ...c, [part]: withNumber(c[part], dice, (x) => round(x + dice.int(-4, 4) / 4, dtype)) };
  const factor = dice.pick([-1, 0.5, 2]);
  return { ...c, [part]: scaled(c[part], factor) };
}

function withNumber<T extends Tensor>(tensor: T, dice: Dice, change: (x: number) => number): T {
  const data = tensor.data.slice();
  const at = dice.int(0, data.length - 1);
  data[at] = change(data[at]);
  return { ...tensor, data };
}

const scaled = (tensor: FloatTensor, factor: number): FloatTensor => ({
  ...tensor,
  data: tensor.data.map((x) => round(x * factor, tensor.dtype)),
});
