/** What a command's exit status is made from. */
export interface Happened {
  /** An unknown option, name or property, a number out of range, a case file that is missing or unreadable. */
  readonly usage?: boolean;
  /** A backend could not be loaded, started or kept alive, or did not answer a case that it declares. */
  readonly failed?: boolean;
  /** A property does not hold, or a known failure holds now. */
  readonly violated?: boolean;
  /** Something was checked. */
  readonly checked?: boolean;
  /** The user stopped it. */
  readonly interrupted?: boolean;
}

/** Where several apply, the first of 2, 3, 1, 4 counts; an interrupted run is 130 whatever it found. */
export function exitCode({ usage, failed, violated, checked, interrupted }: Happened): number {
  if (interrupted) return 130;
  if (usage) return 2;
  if (failed) return 3;
  if (violated) return 1;
  return checked ? 0 : 4;
}
