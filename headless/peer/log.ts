export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One thing that happened: a name that never changes, and what belongs to it. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Lower case, with dashes. */
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number | boolean | undefined>>;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Never written, wherever they come from. */
  readonly secrets: readonly string[];
  /** Lines go to systemd's journal, which knows the time, and takes the level from the front of the line. */
  readonly journal?: boolean;
}

/** As in syslog and sd-daemon(3). */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Writes records of a level and those that matter more, each as one line. */
export function createLog(options: LogOptions): (record: LogRecord) => void {
  const mostDetailed = LOG_LEVELS.indexOf(options.level);
  return (record) => {
    if (LOG_LEVELS.indexOf(record.level) > mostDetailed) return;
    options.write(`${logLine(record, options)}\n`);
  };
}

function logLine(
  { level, event, fields }: LogRecord,
  { format, nowMs, secrets, journal = false }: LogOptions,
): string {
  const time = new Date(nowMs()).toISOString();
  const line =
    format === 'json'
      ? JSON.stringify({ time, level, event, ...fields })
      : [...(journal ? [] : [time, level.toUpperCase().padEnd(5)]), event, ...pairs(fields)].join(' ');
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line);
  return journal ? `<${PRIORITY[level]}>${clean}` : clean;
}

const pairs = (fields: LogRecord['fields']): string[] =>
  Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${typeof value === 'string' ? quoted(value) : value}`],
  );

/** Plain words as they are, everything else so that it stays one word of one line. */
const quoted = (text: string): string => (/^[\w.:/@%+-]+$/.test(text) ? text : JSON.stringify(text));
