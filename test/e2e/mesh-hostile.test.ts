import { afterEach, describe, expect, it } from 'vitest';
import type { JoinMeshOptions } from '../../src/mesh/join-mesh.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts';
import { encodeFrame, type FrameHeader } from '../../src/protocol/frame.ts';
import { encodePayload } from '../../src/protocol/payload.ts';
import type { PeerceptronError } from '../../src/shared/errors.ts';
import { seededRandom } from '../../src/shared/random.ts';
import type { PeerChannel } from '../../src/transport/channel.ts';
import type { PeerLink } from '../../src/transport/peer-link.ts';
import type { RtcSignal } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { nextChannel, openRoom, until } from './mesh-room.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const SEED = 20;
const random = seededRandom(SEED);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));
const control: FrameHeader = { type: 'control', flags: 1, priority: 0, stream: 0, sequence: 0, offset: 0 };
const open: FrameHeader = { type: 'open', flags: 0, priority: 2, stream: 1, sequence: 0, offset: 1000 };
const message = (value: unknown): Uint8Array => encodePayload(value, 1 << 20, 'test');

/** A victim with one good friend, and how to let a hostile member in that knows the room's secret. */
async function victimWithFriend() {
  const room = await openRoom();
  cleanUps.push(() => room.close());
  const [victim, friend] = [await room.join('victim'), await room.join('friend')];
  await until(victim, () => victim.members.has(friend.self));
  const atFriend = nextChannel(friend);
  const toFriend = await victim.channel(friend.self);
  const fromFriend = await atFriend;

  /** The friendship still works, on the very same connection. */
  async function expectUntouched(): Promise<void> {
    const pong = new Promise((resolve) => (toFriend.onControl = resolve));
    fromFriend.onControl = ({ type }) => {
      if (type === 'ping') fromFriend.sendControl({ type: 'pong', nonce: 5 });
    };
    toFriend.sendControl({ type: 'ping', nonce: 5 });
    expect(await pong).toEqual({ type: 'pong', nonce: 5 });
    expect(await victim.channel(friend.self)).toBe(toFriend);
  }

  async function joinHostile(options: Partial<JoinMeshOptions>): Promise<Mesh> {
    const hostile = await room.join('hostile', options);
    await until(victim, () => victim.members.has(hostile.self));
    return hostile;
  }
  const failureOf = (hostile: Mesh): PeerceptronError | undefined => {
    const member = victim.members.get(hostile.self);
    return member?.state === 'failed' ? member.error : undefined;
  };
  return { victim, joinHostile, failureOf, expectUntouched };
}

/** Does the whole handshake, then keeps the bare link instead of speaking the protocol on it. */
function bareLink(): { links: PeerLink[]; options: Partial<JoinMeshOptions> } {
  const links: PeerLink[] = [];
  return {
    links,
    options: {
      createChannel: ({ link, peer }): PeerChannel => {
        links.push(link);
        link.onMessage = () => undefined;
        const closed = new Promise<undefined>((resolve) => (link.onClose = () => resolve(undefined)));
        return {
          peer,
          closed,
          onControl: undefined,
          onStream: undefined,
          sendControl: () => undefined,
          sendStream: () => Promise.resolve(),
          close: () => link.close(),
        };
      },
    },
  };
}

describe('a hostile member that knows the secret', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['noise', noise(5000), /^PROTOCOL_/],
    ['an empty message', new Uint8Array(0), /^PROTOCOL_MALFORMED$/],
    ['a message above the maximum', noise(200_000), /^PROTOCOL_/],
    [
      'a frame of another version',
      encodeFrame(control, message({ type: 'ping', nonce: 1 })).map((byte, i) => (i === 0 ? 99 : byte)),
      /^PROTOCOL_VERSION$/,
    ],
    ['a frame out of sequence', encodeFrame({ ...control, sequence: 7 }, message({})), /^PROTOCOL_ORDER$/],
    ['an unknown control message', encodeFrame(control, message({ type: 'eval' })), /^PROTOCOL_MALFORMED$/],
    [
      'a stream of four gigabytes',
      encodeFrame({ ...open, offset: 0xffff_ffff }, message({ kind: 'weight', request: 1 })),
      /^PROTOCOL_LIMIT$/,
    ],
    [
      'an array that claims four billion elements',
      encodeFrame(control, Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)),
      /^PROTOCOL_/,
    ],
    [
      'data of a stream that was never opened',
      encodeFrame({ ...open, type: 'data', offset: 0 }, noise(100)),
      /^PROTOCOL_ORDER$/,
    ],
  ])(
    `[HOST1] loses its link with a code after %s (seed ${SEED}), and nobody else does`,
    async (_what, bytes, code) => {
      const { victim, joinHostile, failureOf, expectUntouched } = await victimWithFriend();
      const { links, options } = bareLink();
      const hostile = await joinHostile(options);
      const channel = await victim.channel(hostile.self);
      await until(hostile, () => links.length > 0);
      links[0]!.send(bytes);
      expect((await channel.closed)?.code).toMatch(code);
      await until(victim, () => failureOf(hostile) !== undefined);
      expect(failureOf(hostile)?.code).toMatch(code);
      await expectUntouched();
    },
  );

  it('[HOST2] is refused with both versions named, on both sides, when it speaks another one', async () => {
    const { victim, joinHostile, failureOf, expectUntouched } = await victimWithFriend();
    const hostile = await joinHostile({ versions: [4242] });
    const error = await victim.channel(hostile.self).then(
      () => undefined,
      (thrown: PeerceptronError) => thrown,
    );
    expect(error?.code).toBe('PROTOCOL_VERSION');
    expect(error?.message).toMatch(/4242/);
    expect(error?.message).toMatch(new RegExp(`version ${PROTOCOL_VERSION}\\b`));
    await until(hostile, () => hostile.members.get(victim.self)?.state === 'failed');
    expect(hostile.members.get(victim.self)).toMatchObject({ error: { code: 'PROTOCOL_VERSION' } });
    expect(failureOf(hostile)?.code).toBe('PROTOCOL_VERSION');
    await expectUntouched();
  });

  it.each<[string, (sdp: string) => string, string]>([
    ['noise', () => 'noise', 'PROTOCOL_MALFORMED'],
    ['a second media section', (sdp) => `${sdp}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n`, 'PROTOCOL_MALFORMED'],
    [
      'a second fingerprint',
      (sdp) => `${sdp}a=fingerprint:sha-256 ${Array(32).fill('AA').join(':')}\r\n`,
      'PROTOCOL_MALFORMED',
    ],
  ])('[HOST3] ends its own attempt with a description that holds %s', async (_what, change, code) => {
    const { victim, joinHostile, expectUntouched } = await victimWithFriend();
    const hostile = await joinHostile({
      openRtc: (options) => {
        const connection = openRtcNode(options);
        return {
          opened: connection.opened,
          signal: (signal) => connection.signal(signal),
          candidates: () => connection.candidates(),
          close: () => connection.close(),
          set onSignal(handler: ((signal: RtcSignal) => void) | undefined) {
            connection.onSignal =
              handler &&
              ((signal) =>
                handler(signal.type === 'candidate' ? signal : { ...signal, sdp: change(signal.sdp) }));
          },
        };
      },
    });
    const error = await victim.channel(hostile.self).then(
      () => undefined,
      (thrown: PeerceptronError) => thrown,
    );
    expect(error?.code).toBe(code);
    await expectUntouched();
  });
});
