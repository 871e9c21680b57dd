import type { AttentionCase } from '../../reference/case';
import { describeCase } from '../arbitraries/describe';
import type { CoverageCell } from './events';

/** How often each kind of case was drawn. */
export class Coverage {
  readonly #counts = new Map<string, CoverageCell & { cases: number }>();

  add(c: AttentionCase): void {
    for (const { facet, value } of describeCase(c)) {
      const key = `${facet}=${value}`;
      const cell = this.#counts.get(key);
      if (cell) cell.cases++;
      else this.#counts.set(key, { facet, value, cases: 1 });
    }
  }

  get cells(): CoverageCell[] {
    return [...this.#counts.values()].sort((a, b) => (a.facet === b.facet ? b.cases - a.cases : a.facet < b.facet ? -1 : 1));
  }
}
