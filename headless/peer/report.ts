import { PeerceptronError } from '../../src/shared/errors.ts';
import type { Terminal } from '../terminal.ts';
import type { PeerEvent } from './events.ts';
import { createLog, type LogFormat, type LogLevel } from './log.ts';
import { logRecordOf } from './log-records.ts';
import { narrate } from './narrate.ts';

export interface ReportFlags {
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

/**
 * Where a peer's events go: with `--json` all of them to stdout, one per line, for programs; to the log where its level or format is chosen
 * (stderr, one line each); else words for people.
 */
export function reportEvents(
  terminal: Terminal,
  { logLevel, logFormat }: ReportFlags,
  secrets: readonly string[],
): (event: PeerEvent) => void {
  const log =
    logLevel === undefined && logFormat === undefined
      ? undefined
      : createLog({
          level: logLevel ?? 'info',
          format: logFormat ?? 'text',
          write: (line) => void process.stderr.write(line),
          nowMs: () => Date.now(),
          secrets,
          journal: process.env.JOURNAL_STREAM !== undefined,
        });
  return (event) => {
    if (terminal.json) process.stdout.write(`${JSON.stringify(event, plainErrors)}\n`);
    if (log) {
      const record = logRecordOf(event);
      if (record) log(record);
    } else if (!terminal.json) narrate(terminal, event);
    else if (event.type === 'notice') terminal.note(event.text);
  };
}

/** Errors have no enumerable message of their own. */
const plainErrors = (_key: string, value: unknown): unknown =>
  value instanceof PeerceptronError ? { code: value.code, message: value.message } : value;
