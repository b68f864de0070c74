import {readFile} from 'node:fs/promises';
import {writeAtomically} from './atomic-file.ts';
import {messageOf, systemCode, usageError} from './failures.ts';
import {write} from './output.ts';

/** Where a watch goes on when it is started again. */
export interface ResumeFile {
  /** The last revision that was dealt with; undefined before the first. */
  readonly revision: number | undefined;
  /** Notes that everything up to a revision was dealt with. */
  note(revision: number): Promise<void>;
}

/**
 * Opens the file in which a watch keeps its position; it need not exist.
 *
 * @throws `KVI_INVALID_ARGUMENT` if it cannot be read, or is none
 */
export async function openResumeFile(path: string): Promise<ResumeFile> {
  let revision = await read(path);
  return {
    get revision() {
      return revision;
    },
    async note(next) {
      if (next === revision) return;
      await writeAtomically(path, async (stream) => {
        await write(stream, `${JSON.stringify({revision: next})}\n`);
        return {result: undefined, isComplete: true};
      });
      revision = next;
    },
  };
}

async function read(path: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw usageError(`cannot read ${path}: ${messageOf(error)}`);
  }
  const [, revision] = /^\{"revision":(\d+)\}\n$/.exec(text) ?? [];
  if (revision === undefined) throw usageError(`${path} is no file that kvi watch --resume-file wrote`);
  return Number(revision);
}
