import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { SignalingState } from '../../src/mesh/mesh.ts';
import { signalingByLink } from '../../src/mesh/signaling-by-link.ts';
import type { Signaling } from '../../src/mesh/signaling-port.ts';
import { systemClock } from '../../src/mesh/system-clock.ts';
import { openNodeSocket } from '../../src/mesh/websocket-node.ts';
import { createRoomLink, deriveRoomKeys, type RoomLink } from '../../src/protocol/room-link.ts';
import type { PeerceptronError } from '../../src/shared/errors.ts';
import { asPeerId, toHex, type PeerId } from '../../src/shared/ids.ts';

const randomBytes = (length: number): Uint8Array => new Uint8Array(nodeRandomBytes(length));

/** A member as the mesh would see it, over real sockets. */
class Member {
  readonly id = asPeerId(toHex(randomBytes(16)));
  readonly others = new Set<PeerId>();
  readonly heard: { from: PeerId; payload: string }[] = [];
  readonly states: SignalingState[] = [];
  readonly errors: PeerceptronError[] = [];
  readonly signaling: Signaling;

  constructor(link: RoomLink) {
    this.signaling = signalingByLink(openNodeSocket)({
      link,
      room: deriveRoomKeys(link).roomId,
      self: this.id,
      clock: systemClock,
      randomBytes,
      events: {
        state: (state, error) => {
          this.states.push(state);
          if (error) this.errors.push(error);
        },
        joined: (members) => {
          this.others.clear();
          for (const peer of members) this.others.add(peer);
        },
        memberJoined: (peer) => this.others.add(peer),
        memberLeft: (peer) => this.others.delete(peer),
        relay: (from, payload) => this.heard.push({ from, payload }),
      },
    });
  }
}

export interface SignalingServerUnderTest {
  /** A room of its own on this server. */
  newRoom(): RoomLink;
  close(): Promise<void>;
}

/** The contract of `Signaling`, over a real server. */
export function signalingSuite(name: string, start: () => Promise<SignalingServerUnderTest>): void {
  describe(`Signaling contract: ${name}`, () => {
    let server: SignalingServerUnderTest | undefined;
    const members: Member[] = [];
    afterEach(async () => {
      for (const member of members.splice(0)) member.signaling.close();
      await server?.close();
      server = undefined;
    });
    const enter = async (link: RoomLink): Promise<Member> => {
      const member = new Member(link);
      members.push(member);
      member.signaling.start();
      await expect.poll(() => member.signaling.isOpen, { timeout: 20_000 }).toBe(true);
      return member;
    };
    const meet = async (count: number, link: RoomLink): Promise<Member[]> => {
      const met = await Promise.all(Array.from({ length: count }, () => enter(link)));
      for (const member of met)
        await expect
          .poll(() => [...member.others].sort(), { timeout: 20_000 })
          .toEqual(
            met
              .map(({ id }) => id)
              .filter((id) => id !== member.id)
              .sort(),
          );
      return met;
    };

    it('members who come at the same time find each other, and nobody else', async () => {
      server = await start();
      const [one] = await meet(5, server.newRoom());
      const [stranger] = await meet(2, server.newRoom());
      expect(one!.others.has(stranger!.id)).toBe(false);
    });

    it('relays payloads to the one that they are for, in order, with who sent them', async () => {
      server = await start();
      const [a, b, c] = await meet(3, server.newRoom());
      for (let index = 0; index < 20; index += 1) a!.signaling.relay(b!.id, `payload-${index}`);
      b!.signaling.relay(a!.id, 'x'.repeat(60 * 1024));
      await expect.poll(() => b!.heard.length).toBe(20);
      expect(b!.heard).toEqual(
        Array.from({ length: 20 }, (_, index) => ({ from: a!.id, payload: `payload-${index}` })),
      );
      await expect.poll(() => a!.heard.length).toBe(1);
      expect(a!.heard[0]).toEqual({ from: b!.id, payload: 'x'.repeat(60 * 1024) });
      expect(c!.heard).toEqual([]);
    });

    it('who leaves is gone for the others, and may come back', async () => {
      server = await start();
      const link = server.newRoom();
      const [a, b] = await meet(2, link);
      b!.signaling.close();
      expect(b!.states.at(-1)).toBe('closed');
      await expect.poll(() => a!.others.size, { timeout: 20_000 }).toBe(0);
      const again = await enter(link);
      await expect.poll(() => [...a!.others], { timeout: 20_000 }).toEqual([again.id]);
      await expect.poll(() => [...again.others], { timeout: 20_000 }).toEqual([a!.id]);
    });

    it('a server that is not there is SIGNALING_UNREACHABLE, and tried again', async () => {
      server = await start();
      const link = server.newRoom();
      await server.close();
      server = undefined;
      const member = new Member(link);
      members.push(member);
      member.signaling.start();
      await expect.poll(() => member.errors.length, { timeout: 20_000 }).toBeGreaterThan(1);
      expect(member.errors[0]).toMatchObject({ code: 'SIGNALING_UNREACHABLE' });
      expect(member.signaling.isOpen).toBe(false);
    });
  });
}

export const newLink = (origin: string, peerServer?: RoomLink['peerServer']): RoomLink =>
  createRoomLink(origin, randomBytes, undefined, peerServer);
