import {randomUUID} from 'node:crypto';
import {type FileHandle, open, realpath, rename, rm, stat} from 'node:fs/promises';
import {Writable} from 'node:stream';
import {messageOf, usageError} from './failures.ts';

/** What a body has written. */
interface Written<R> {
  result: R;
  /** Whether it is to take the place of the file. */
  isComplete: boolean;
}

/**
 * Writes a file that appears when it is complete: under another name in the same folder, and then it replaces the file. An
 * interruption, or a full disk, leaves the old file as it was. A device or a pipe is written to as it is.
 *
 * @param path - a symbolic link is followed
 * @param body - awaits each of its writes
 * @throws `KVI_INVALID_ARGUMENT` if the file cannot be created there
 */
export async function writeAtomically<R>(
  path: string,
  body: (stream: Writable) => Promise<Written<R>>,
): Promise<R> {
  const target = await realpath(path).catch(() => path);
  const present = await stat(target).catch(() => undefined);
  if (present?.isFile() === false) {
    await using handle = await openFile(target, 'w', path);
    return (await writeTo(handle, body)).result;
  }
  const temporary = `${target}.${randomUUID()}.tmp`;
  await using handle = await openFile(temporary, 'wx', path, present?.mode);
  try {
    const {result, isComplete} = await writeTo(handle, body);
    if (isComplete) {
      await handle.sync();
      await rename(temporary, target);
    }
    return result;
  } finally {
    await rm(temporary, {force: true});
  }
}

async function openFile(file: string, flags: 'w' | 'wx', shown: string, mode = 0o666): Promise<FileHandle> {
  try {
    return await open(file, flags, mode);
  } catch (error) {
    throw usageError(`cannot write ${shown}: ${messageOf(error)}`);
  }
}

async function writeTo<R>(
  handle: FileHandle,
  body: (stream: Writable) => Promise<Written<R>>,
): Promise<Written<R>> {
  // Not the handle's own stream, which keeps it open after an error.
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      handle.writeFile(chunk).then(() => done(), done);
    },
  });
  // The body gets the error of its write too.
  stream.on('error', () => undefined);
  return body(stream);
}
