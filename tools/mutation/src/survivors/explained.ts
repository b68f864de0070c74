/** Survivors that no test can or should notice, each with the reason. */
export interface Explanation {
  /** The file, within `packages/`. */
  file: string;
  /** The line of the source, without what is around it. */
  line: string;
  /** `original -> replacement`, as the report prints it. */
  changes: readonly string[];
  /** Why nobody can notice, or need not. */
  why: string;
}

export const explained: readonly Explanation[] = [];
