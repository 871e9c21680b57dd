/** The processor's time of this process and of all that it started, in seconds. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of a clock tick, which is what /proc counts in on every Linux that Node runs on. */
const ticksASecond = 100;

/** undefined where nothing tells what other processes spend. */
export function processorTime(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const { user, system } = process.cpuUsage();
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statusOf(Number(name)) ?? []);
  const family = new Set([process.pid]);
  // A process is always listed after whoever started it, but for numbers that are used again.
  for (let before = 0; before < family.size;) {
    before = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  const children = all.filter(({ pid }) => pid !== process.pid && family.has(pid));
  return (user + system) / 1e6 + children.reduce((sum, { ticks }) => sum + ticks, 0) / ticksASecond;
}

function statusOf(pid: number): { pid: number; parent: number; ticks: number } | undefined {
  try {
    // The name in parentheses may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
