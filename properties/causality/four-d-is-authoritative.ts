import { narrow } from '../../src/arbitraries/narrow';
import { identical } from '../../src/compare/compare';
import { probeCases, probeViolation, readProbe } from '../../src/compare/probe';
import { defineProperty } from '../../src/property';

/** A causal triangle laid over a 4D mask that already says everything takes away the prefix, the image or the tree that the caller meant to show. */
export default defineProperty({
  id: 'causality/four-d-is-authoritative',
  statement: 'Under a 4D mask isCausal changes nothing: a key that the mask keeps is used, also after the query.',
  compares: 'bitwise',
  needs: { anyRank: [4], causal: ['bottom_right', 'top_left'] },
  cases: (domain) => narrow(domain, { maskRanks: [4] }),
  async check(context, c) {
    const { bidirectional } = context.supports;
    const causal = { ...c, isCausal: c.query.shape[2] <= c.key.shape[2] };
    const twin = { ...causal, isCausal: !causal.isCausal };
    const probes = probeCases(causal, context.supports);
    const compare = bidirectional && causal.isCausal;
    const answers = await context.attend([...probes, ...(compare ? [causal, twin] : [])]);
    const [withCausal, without] = answers.slice(probes.length);
    const found = compare
      ? identical(context, [causal, withCausal], [twin, without], { with: 'the answer with isCausal when it is off' })
      : undefined;
    return probeViolation(context, causal, readProbe(causal, answers)) ?? found;
  },
});
