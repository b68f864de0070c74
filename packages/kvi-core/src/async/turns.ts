/** Runs each body when the ones before it have settled. */
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
