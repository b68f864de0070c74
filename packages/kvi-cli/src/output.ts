import {isUtf8} from 'node:buffer';
import type {Writable} from 'node:stream';
import type {Command} from 'commander';
import type {Bytes, Change, Input, KeyValue} from 'kvi';
import {toBytes} from './keys.ts';

/** Writes a command's results, one record each, as text or as JSON. */
export interface Output {
  /**
   * Writes a record. As text: the raw bytes of the fields, separated by tabs and followed by a newline; nothing if there
   * are no fields. As JSON: the document, on one line.
   *
   * @param form - how a text record looks, if not so
   * @throws Error with code `EPIPE` when the reader has closed the pipe
   */
  record(fields: readonly Input[], document: object, form?: RecordForm): Promise<void>;
}

/** What surrounds the fields of a record of text. */
export interface RecordForm {
  /** Between two fields. Default: a tab. */
  separator?: string;
  /** After the last one. Default: a newline. */
  end?: string;
}

/** The option that {@link formOf} reads. */
export interface FormOptions {
  null?: boolean;
}

/** Adds the option for records that any bytes can be in. */
export function withForm(command: Command): Command {
  return command.option('-0, --null', 'end each field with a NUL byte, not with a tab or a newline');
}

/** The form of records that a command line asks for. */
export function formOf(options: FormOptions): RecordForm {
  return options.null ? {separator: '\0', end: '\0'} : {};
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
    record(fields, document, {separator = '\t', end = '\n'} = {}) {
      if (json)
        return write(stream, `${JSON.stringify(line === undefined ? document : {line, ...document})}\n`);
      if (fields.length === 0) return Promise.resolve();
      const parts = fields.flatMap((field, index) => (index === 0 ? [field] : [separator, field]));
      return write(stream, Buffer.concat([...parts, end].map(toBytes)));
    },
  };
}

/** A key-value in JSON. */
export function keyValueDocument({key, value, ...history}: KeyValue<Bytes>) {
  return {key: jsonBytes(key), value: jsonBytes(value), ...history};
}

/** A key-value in JSON, with the size of the value in its place. */
export function metadataDocument({key, value, ...history}: KeyValue<Bytes>) {
  return {key: jsonBytes(key), ...history, size: value.length};
}

/** A change in JSON. */
export function changeDocument(change: Change<Bytes>): object {
  const {type, key, modRevision} = change;
  if (type === 'delete') return {type, key: jsonBytes(key), modRevision};
  const {value, createRevision, version, lease} = change;
  return {type, ...keyValueDocument({key, value, createRevision, modRevision, version, lease})};
}

/** Bytes, or text, in JSON. */
export function jsonBytes(input: Input): JsonBytes {
  if (typeof input === 'string') return input;
  const buffer = Buffer.from(input.buffer, input.byteOffset, input.length);
  return isUtf8(buffer) ? buffer.toString() : {base64: buffer.toString('base64')};
}

/**
 * Resolves when the stream has accepted the chunk, so that output waits for a slow reader.
 *
 * @throws Error with code `EPIPE` when the reader has closed the pipe
 */
export function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
