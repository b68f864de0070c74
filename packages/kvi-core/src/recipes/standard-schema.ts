/**
 * A schema of any library that implements Standard Schema: zod, valibot, arktype and others. Declared here, so that kvi
 * depends on none of them.
 *
 * @typeParam In - what the schema takes
 * @typeParam Out - what it makes of that
 * @see https://standardschema.dev
 */
export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    readonly types?: {readonly input: In; readonly output: Out} | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Out> =
  {readonly value: Out; readonly issues?: undefined} | {readonly issues: readonly SchemaIssue[]};

/** Why a schema refuses a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | {readonly key: PropertyKey})[] | undefined;
}

/** How many issues an error's message lists; its `cause` has all. */
const maxIssuesShown = 5;

/** @throws an `Error` whose `cause` is the schema's issues */
export async function validate<Out>(schema: StandardSchema<unknown, Out>, value: unknown): Promise<Out> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const shown = result.issues.slice(0, maxIssuesShown).map(describe);
  const more = result.issues.length - shown.length;
  if (more > 0) shown.push(`and ${more} more`);
  throw new Error(shown.join('; '), {cause: result.issues});
}

function describe({message, path = []}: SchemaIssue): string {
  const names = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return names.length === 0 ? message : `${names.join('.')}: ${message}`;
}
