import type { AttentionCase } from '../../../reference/case';
import { bareCase } from './features';
import { mapTensor, plain } from './edit';

/** All features and all contents away at once, sizes and mask as they are: what is gone need not be tried again at every size. */
export function* wholesale(c: AttentionCase): Iterable<AttentionCase> {
  const last = c.key.shape[2] - 1;
  const bare = bareCase(c, false);
  const without = (d: AttentionCase): AttentionCase => ({ ...d, want: {}, gradOutput: undefined });
  const blank = (d: AttentionCase): AttentionCase => {
    const none = plain(d, last);
    return { ...none, value: mapTensor(d.value, () => 0) };
  };
  yield blank(without(bare));
  yield blank(c);
  yield plain(bare, last);
  yield plain(c, last);
  yield bare;
  if (c.isCausal) yield bareCase(c, true);
}
