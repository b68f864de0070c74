import {isUtf8} from 'node:buffer';
import type {Writable} from 'node:stream';
import type {Bytes, Input, KeyValue} from 'kvi';

/** Writes a command's results, one record each, as text or as JSON. */
export interface Output {
  /**
   * Writes a record. As text: the raw bytes of the fields, separated by tabs and followed by a newline; nothing if there
   * are no fields. As JSON: the document, on one line.
   *
   * @param end - what follows the fields as text. Default: a newline
   * @throws Error with code `EPIPE` when nobody reads any more
   */
  record(fields: readonly Input[], document: object, end?: string): Promise<void>;
}

/** A value in JSON: text, or `{base64}` if it is not UTF-8. */
export type JsonBytes = string | {base64: string};

/**
 * Makes the output of a command.
 *
 * @param line - the line of the batch, which each JSON document then starts with
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

/** Resolves when the stream has accepted the chunk, so that output waits for a slow reader. */
function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
