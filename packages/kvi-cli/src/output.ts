import {isUtf8} from 'node:buffer';
import type {Writable} from 'node:stream';
import type {Bytes, Input, KeyValue} from 'kvi';

/** Where a command's results go: one record each, as text or as JSON. */
export interface Output {
  /**
   * Writes a record: in text the fields, their bytes as they are, with tabs between and a newline after, and for no fields
   * nothing at all; in JSON the document, on one line.
   *
   * @param end - what follows the fields in text. Default: a newline
   * @throws Error with code `EPIPE` when nobody reads any more
   */
  record(fields: readonly Input[], document: object, end?: string): Promise<void>;
}

/** A value in JSON: text, or where it is not UTF-8, which JSON cannot hold, `{base64}`. */
export type JsonBytes = string | {base64: string};

/**
 * Makes the output of a command.
 *
 * @param line - the line of the batch that the command stands on, which JSON documents then begin with
 */
export function createOutput(stream: Writable, {json, line}: {json: boolean; line?: number}): Output {
  return {
    record(fields, document, end = '\n') {
      if (json)
        return write(stream, `${JSON.stringify(line === undefined ? document : {line, ...document})}\n`);
      if (fields.length === 0) return Promise.resolve();
      const parts = fields.flatMap((field, index) => (index === 0 ? [field] : ['\t', field]));
      return write(stream, Buffer.concat([...parts, end].map(toBytes)));
    },
  };
}

/** A key-value in JSON. */
export function keyValueDocument({key, value, ...history}: KeyValue<Bytes>) {
  return {key: jsonBytes(key), value: jsonBytes(value), ...history};
}

/** Bytes in JSON. */
export function jsonBytes(bytes: Bytes): JsonBytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isUtf8(buffer) ? buffer.toString() : {base64: buffer.toString('base64')};
}

function toBytes(input: Input): Bytes {
  return typeof input === 'string' ? Buffer.from(input) : input;
}

/** Resolves when the stream has taken it, so that a reader which is slow is waited for. */
function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
