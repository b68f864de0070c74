/** Runs each body when those before it have ended, whatever became of them. */
export type Turns = <R>(body: () => Promise<R>) => Promise<R>;

/** Makes {@link Turns}. */
export function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (body) => {
    const result = last.then(body);
    last = result.catch(() => undefined);
    return result;
  };
}
