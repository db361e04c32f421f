import { openRtcNode } from '../src/transport/simple-peer-node.ts';
import { openNodeSocket } from '../src/mesh/websocket-node.ts';
import { joinMesh } from '../src/mesh/join-mesh.ts';
import { signalingByLink } from '../src/mesh/signaling-by-link.ts';
import type { Mesh } from '../src/mesh/mesh.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { Capabilities } from '../src/protocol/messages.ts';
import type { RoomLink } from '../src/protocol/room-link.ts';
import { installCodecKernels } from '../src/runtime/codec-kernels.ts';
import { RuntimeNode } from '../src/runtime/runtime-node.ts';
import type { OpenRtc } from '../src/transport/rtc.ts';
import { nodeRandomBytes, platformName } from './platform.ts';

export interface NodeMeshOptions {
  readonly link: RoomLink;
  readonly name: string;
  /** What this process offers; absent for a requester that only asks. */
  readonly serves?: Pick<Capabilities, 'engine' | 'accuracy' | 'weightStorage' | 'memoryBytes'>;
  /** Default: WebRTC by `wrtc`. */
  readonly openRtc?: OpenRtc;
}

export interface JoinedNode {
  readonly mesh: Mesh;
  readonly node: RuntimeNode;
}

/** Joins a room from Node: WebRTC by `wrtc`, signaling by `ws`. */
export async function joinNodeMesh({
  link,
  name,
  serves,
  openRtc = openRtcNode,
}: NodeMeshOptions): Promise<JoinedNode> {
  await installCodecKernels();
  const mesh = await joinMesh({
    link,
    capabilities: {
      name: name.slice(0, 200),
      platform: platformName(),
      engine: serves?.engine ?? 'none',
      accuracy: serves?.accuracy ?? 'f32',
      ...(serves?.weightStorage ? { weightStorage: serves.weightStorage } : {}),
      memoryBytes: serves?.memoryBytes ?? 0,
      serves: serves !== undefined,
    },
    openSignaling: signalingByLink((url) => openNodeSocket(url)),
    openRtc,
    clock: systemClock,
    randomBytes: nodeRandomBytes,
  });
  // At once: a channel that comes up must find its roles.
  return { mesh, node: new RuntimeNode(mesh) };
}
