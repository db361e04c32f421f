import { joinMesh, type JoinMeshOptions } from '../../../src/mesh/join-mesh.ts';
import { signalingByLink } from '../../../src/mesh/signaling-by-link.ts';
import type { MeshEvent } from '../../../src/mesh/mesh.ts';
import type { Capabilities } from '../../../src/protocol/messages.ts';
import { createRoomLink } from '../../../src/protocol/room-link.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { createChannel } from '../../../src/transport/mux.ts';
import type { PeerChannel } from '../../../src/transport/channel.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeRtcNetwork } from './fake-rtc.ts';
import { FakeSignaling } from './fake-signaling.ts';

export const capabilities = (name: string): Capabilities => ({
  name,
  engine: 'reference',
  accuracy: 'f32',
  memoryBytes: 1e9,
  platform: 'test',
  serves: true,
});

/** A room, a server, a network and a clock that the test moves. */
export function createWorld(seed = 1) {
  const random = seededRandom(seed);
  const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));
  const clock = new FakeClock();
  const signaling = new FakeSignaling(clock);
  const network = new FakeRtcNetwork();
  const link = createRoomLink('http://test', randomBytes);

  async function join(name: string, options: Partial<JoinMeshOptions> = {}) {
    const rtc = network.device();
    const mesh = await joinMesh({
      link,
      capabilities: capabilities(name),
      openSignaling: signalingByLink(signaling.openSocket),
      openRtc: rtc.openRtc,
      clock,
      randomBytes,
      createChannel: ({ link, peer }) => createChannel({ link, peer, clock, defer: queueMicrotask }),
      ...options,
    });
    const events: MeshEvent[] = [];
    mesh.subscribe((event) => events.push(event));
    const channels: PeerChannel[] = [];
    mesh.onChannel = (channel) => channels.push(channel);
    return { mesh, rtc, events, channels, id: mesh.self };
  }

  /** `count` members, sorted by id: the first is the initiator towards all others. */
  async function joinMany(count: number, options: Partial<JoinMeshOptions> = {}) {
    const devices = [];
    for (let i = 0; i < count; i += 1) devices.push(await join(`device ${i}`, options));
    await settle();
    return devices.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  return { clock, signaling, network, link, randomBytes, join, joinMany };
}
