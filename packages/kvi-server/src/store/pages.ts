/** What a page says. */
export interface Answer {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
}

/** A page by its path. */
export type Pages = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A page for people. */
export function plainText(status: number, body: string): Answer {
  return {status, type: 'text/plain; charset=utf-8', body};
}
