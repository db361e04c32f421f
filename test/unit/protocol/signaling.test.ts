import { describe, expect, it } from 'vitest';
import {
  formatSignalingMessage,
  parseClientMessage,
  parseServerMessage,
  SIGNALING_MAX_MESSAGE_BYTES,
  type SignalingServerMessage,
} from '../../../src/protocol/signaling.ts';
import { asPeerId } from '../../../src/shared/ids.ts';
import { thrownBy } from '../mesh/thrown.ts';

const id = (n: number) => asPeerId(n.toString(16).padStart(32, '0'));

describe('signaling messages', () => {
  it('[SIG13] come back as they were written', () => {
    const messages: SignalingServerMessage[] = [
      {
        type: 'joined',
        version: 1,
        members: [id(1), id(2)],
        iceServers: [{ urls: ['turn:h'], username: 'u', credential: 'c' }],
        heartbeatIntervalMs: 2500,
      },
      { type: 'member-joined', peer: id(1) },
      { type: 'member-left', peer: id(1) },
      { type: 'relay', from: id(1), payload: 'abc-_' },
      { type: 'heartbeat' },
      { type: 'error', code: 'ROOM_FULL', message: 'full' },
    ];
    for (const message of messages)
      expect(parseServerMessage(formatSignalingMessage(message))).toEqual(message);
  });

  it('[SIG13] take an error code of a newer server as a refusal', () => {
    expect(parseServerMessage('{"type":"error","code":"FUTURE","message":"x"}')).toMatchObject({
      code: 'SIGNALING_REFUSED',
    });
  });

  it('[SIG13] say which side is old when versions differ', () => {
    const error = thrownBy(() => parseServerMessage('{"type":"joined","version":9,"novel":1}'));
    expect(error.code).toBe('PROTOCOL_VERSION');
    expect(error.message).toMatch(/version 9.*version 1/);
  });

  it.each([
    ['letters outside base64url', { type: 'relay', to: id(1), payload: '<script>' }],
    ['a payload that is not text', { type: 'relay', to: id(1), payload: {} }],
    ['a long payload', { type: 'relay', to: id(1), payload: 'a'.repeat(61 * 1024) }],
    ['an upper-case id', { type: 'relay', to: 'A'.repeat(32), payload: '' }],
  ])('[SIG13] refuse %s', (_what, message) => {
    expect(thrownBy(() => parseClientMessage(JSON.stringify(message))).code).toBe('PROTOCOL_MALFORMED');
  });

  it('[SIG13] refuse what is too long before reading it', () => {
    const error = thrownBy(() => parseServerMessage('['.repeat(SIGNALING_MAX_MESSAGE_BYTES + 1)));
    expect(error.code).toBe('PROTOCOL_LIMIT');
  });

  it('[SIG13] do not repeat what was received', () => {
    const error = thrownBy(() => parseClientMessage('{"type":"relay","to":"SECRET","payload":"SECRET"}'));
    expect(error.message).not.toContain('SECRET');
  });
});
