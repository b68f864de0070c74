import {readFile} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {messageOf, usageError} from './failures.ts';

/** How to reach a store, by a name that the user gave it. */
export interface Profile {
  url?: string;
  /** `10s`, for example. */
  timeout?: string;
  username?: string;
  /** A file, as are `cacert`, `cert` and `key`; relative to the folder of the profiles. */
  passwordFile?: string;
  cacert?: string;
  cert?: string;
  key?: string;
  /** Whether commands that write are refused. */
  readOnly?: boolean;
}

const texts = ['url', 'timeout', 'username'] as const;
const files = ['passwordFile', 'cacert', 'cert', 'key'] as const;

/**
 * Reads a profile from `profiles.json`.
 *
 * @param folder - the folder of the file
 * @throws `KVI_INVALID_ARGUMENT` if there is no profile of that name, or the file is malformed
 */
export async function readProfile(name: string, folder: string): Promise<Profile> {
  const file = join(folder, 'profiles.json');
  const refuse = (why: string) => usageError(`cannot use the profile ${name} of ${file}: ${why}`);
  const profiles = await read(file).catch((error: unknown) => {
    throw refuse(messageOf(error));
  });
  const fields = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (!isRecord(fields)) throw refuse(`no such profile; expected one of ${Object.keys(profiles).join(', ')}`);
  const profile: Profile = {};
  for (const [field, value] of Object.entries(fields)) {
    const text = texts.find((each) => each === field);
    const path = files.find((each) => each === field);
    if (text !== undefined && typeof value === 'string') profile[text] = value;
    else if (path !== undefined && typeof value === 'string') profile[path] = resolve(folder, value);
    else if (field === 'readOnly' && typeof value === 'boolean') profile.readOnly = value;
    else throw refuse(`unknown field ${field}, or wrong type`);
  }
  return profile;
}

async function read(file: string): Promise<Record<string, unknown>> {
  const profiles: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!isRecord(profiles)) throw new Error('it is not a JSON object');
  return profiles;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
