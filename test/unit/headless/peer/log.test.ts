import { describe, expect, it } from 'vitest';
import type { PeerEvent } from '../../../../headless/peer/events.ts';
import { logRecordOf } from '../../../../headless/peer/log-records.ts';
import { createLog, type LogOptions, type LogRecord } from '../../../../headless/peer/log.ts';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { asPeerId, asSessionId } from '../../../../src/shared/ids.ts';

function lines(records: readonly LogRecord[], options: Partial<LogOptions> = {}): string[] {
  const written: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'text',
    write: (line) => written.push(line),
    nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    secrets: [],
    ...options,
  });
  for (const record of records) log(record);
  return written;
}

const joined: LogRecord = {
  level: 'info',
  event: 'joined',
  fields: { room: 'violet-raven', share: 0.25, name: 'Anna’s Pi\nERROR forged', absent: undefined },
};

describe('a line of the log', () => {
  it('is text: time, level, event, and what belongs to it, on one line whatever it holds', () => {
    expect(lines([joined])).toEqual([
      '2026-01-02T03:04:05.006Z INFO  joined room=violet-raven share=0.25 name="Anna’s Pi\\nERROR forged"\n',
    ]);
  });

  it('is JSON', () => {
    const [line] = lines([joined], { format: 'json' });
    expect(line!.endsWith('}\n')).toBe(true);
    expect(line!.trimEnd()).not.toContain('\n');
    expect(JSON.parse(line!)).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      level: 'info',
      event: 'joined',
      room: 'violet-raven',
      share: 0.25,
      name: 'Anna’s Pi\nERROR forged',
    });
  });

  it('has the level in front for the journal, which knows the time itself', () => {
    const warning: LogRecord = { level: 'warn', event: 'signaling-lost', fields: { code: 'SIGNALING_LOST' } };
    expect(lines([warning], { journal: true })).toEqual(['<4>signaling-lost code=SIGNALING_LOST\n']);
  });

  it('is left out below the level', () => {
    const records = (['error', 'warn', 'info', 'debug'] as const).map((level): LogRecord => ({
      level,
      event: level,
      fields: {},
    }));
    expect(lines(records, { level: 'error' })).toHaveLength(1);
    expect(lines(records, { level: 'warn' })).toHaveLength(2);
    expect(lines(records, { level: 'debug' })).toHaveLength(4);
  });

  it.each(['text', 'json'] as const)('never holds a secret, wherever that comes from (%s)', (format) => {
    const secret = '0123456789abcdefghjkmnpqrs';
    const record: LogRecord = {
      level: 'error',
      event: 'tile-failed',
      fields: { message: `GET http://host/#room.${secret}: twice ${secret}`, code: secret },
    };
    const [line] = lines([record], { format, secrets: [secret] });
    expect(line).not.toContain(secret);
    expect(line!.match(/\[secret\]/g)).toHaveLength(3);
  });
});

describe('what is logged of an event', () => {
  const error = new PeerceptronError('SIGNALING_LOST', 'the server is gone');
  const id = asPeerId('0123456789abcdef0123456789abcdef');
  const session = asSessionId('fedcba9876543210fedcba9876543210');
  const summary = (event: PeerEvent): unknown => {
    const record = logRecordOf(event);
    return record && [record.level, record.event, record.fields];
  };

  it('is a warning with its code where the room cannot be reached', () => {
    const failure = { code: 'SIGNALING_LOST', message: 'the server is gone' };
    expect(summary({ type: 'waiting', error, retryInMs: 1849 })).toEqual([
      'warn',
      'waiting-for-room',
      { ...failure, retrySeconds: 1.8 },
    ]);
    expect(summary({ type: 'mesh', event: { type: 'signaling', state: 'lost', error } })).toEqual([
      'warn',
      'signaling-lost',
      failure,
    ]);
  });

  it('names devices and sessions by the beginning of their ids', () => {
    expect(summary({ type: 'mesh', event: { type: 'member-left', id } })).toEqual([
      'info',
      'peer-left',
      { peer: '012345' },
    ]);
    expect(
      summary({
        type: 'serve',
        event: { type: 'tile-done', session, frame: 3, segment: 1, tile: 0, computeMs: 7.5 },
      }),
    ).toEqual(['debug', 'tile-done', { session: 'fedcba', frame: 3, segment: 1, tile: 0, computeMs: 7.5 }]);
  });

  it('is nothing for what a device says of itself', () => {
    const capabilities = {
      name: 'pi',
      engine: 'tfjs-wasm',
      accuracy: 'f32',
      memoryBytes: 1,
      platform: 'node',
      serves: true,
    } as const;
    expect(summary({ type: 'mesh', event: { type: 'offered', capabilities } })).toBeUndefined();
  });
});
