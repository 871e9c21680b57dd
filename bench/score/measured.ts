/** What the score is made of, as docs/score.json holds it: each part with the moment and the machine that it comes from. */
import { cpus } from 'node:os';
import { packageVersion } from '../../src/version';

export interface Made {
  readonly date: string;
  readonly maskproof: string;
  readonly node: string;
  readonly cpu: string;
}

export interface MutantScore {
  readonly name: string;
  readonly mistake: string;
  readonly link?: string;
  /** Seeds that were tried, and those under which it fell. */
  readonly seeds: number;
  readonly fell: number;
  /** A number for each seed under which it fell; see `Find`. */
  readonly cases: readonly number[];
  readonly ms: readonly number[];
  readonly shrunkMs: readonly number[];
  readonly calls: readonly number[];
  readonly cells: readonly number[];
  /** Which properties fell first, and under how many seeds. */
  readonly first: Readonly<Record<string, number>>;
  /** Properties that fall, each with the cases that it took; absent where that is not measured yet. */
  readonly killedBy?: Readonly<Record<string, number>>;
}

export interface Mutants {
  readonly made: Made;
  /** Cases a property: of a hunt, of a cell of the matrix, and of an equivalent. */
  readonly runs: number;
  readonly matrixRuns: number;
  readonly equivalentRuns: number;
  readonly mutants: readonly MutantScore[];
  /** Equivalents, with the properties that flag them: none may. */
  readonly equivalents: readonly { readonly name: string; readonly flaggedBy: readonly string[] }[];
}

export interface Gate {
  readonly name: string;
  readonly figure: string;
  readonly ok: boolean;
}

export interface Gates {
  readonly made: Made;
  readonly gates: readonly Gate[];
}

export interface FalseAlarms {
  readonly made: Made;
  /** Seeds that were run through: every property on every implementation, `runs` cases each. */
  readonly seeds: readonly number[];
  readonly runs: number;
  readonly rows: readonly {
    readonly implementation: string;
    readonly dtype: string;
    readonly cases: number;
    readonly alarms: number;
  }[];
  /** Rows of answers that were compared. */
  readonly compared: number;
  /** Each alarm in words. */
  readonly alarms: readonly string[];
}

export interface Sensitivity {
  readonly made: Made;
  readonly trials: Readonly<Record<string, number>>;
  readonly rows: readonly {
    readonly rule: string;
    /** Share of leaks found, by 'S dtype kernel'. */
    readonly found: Readonly<Record<string, number | null>>;
  }[];
  readonly columns: readonly string[];
}

export interface Shrinking {
  readonly made: Made;
  readonly seeds: number;
  readonly rows: readonly {
    readonly defect: string;
    readonly reached: number;
    readonly executions: { readonly median: number; readonly most: number };
  }[];
}

export interface Guided {
  readonly made: Made;
  readonly law: string;
  /** Cases at the most: a search that finds nothing counts as so many. */
  readonly runs: number;
  /** Cases until the law falls, seed by seed. */
  readonly rows: readonly {
    readonly mutant: string;
    readonly random: readonly number[];
    readonly guided: readonly number[];
  }[];
}

/** docs/score.json */
export interface Score {
  readonly schema: 'maskproof/score@1';
  readonly mutants?: Mutants;
  readonly gates?: Gates;
  readonly falseAlarms?: FalseAlarms;
  readonly sensitivity?: Sensitivity;
  readonly shrinking?: Shrinking;
  readonly guided?: Guided;
}

export function madeNow(): Made {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    maskproof: packageVersion(),
    node: process.version,
    cpu: `${all.length} x ${all[0]?.model ?? 'unknown'}`,
  };
}
