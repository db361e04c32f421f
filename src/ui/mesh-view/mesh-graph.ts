import type { Member } from '../../mesh/mesh.ts';
import type { Presence } from '../../runtime/presence.ts';
import type { PeerId } from '../../shared/ids.ts';
import type { LinkRoute } from '../../transport/rtc.ts';
import { deviceName } from '../device-name.ts';
import type { RoomState } from '../peer-state.ts';
import { problemOf, type Problem } from '../problem.ts';
import type { NodeState } from '../worded-states.ts';
import { setAside } from './happenings.ts';

/** A device as the picture of the mesh shows it; what nobody has told yet is absent. */
export interface MeshNode {
  readonly id: PeerId;
  /** From 1, in the order of arrival, this device first: stands in the picture where there is no room for names. */
  readonly number: number;
  readonly name: string;
  readonly state: NodeState;
  readonly serves: boolean;
  readonly isSetAside: boolean;
  readonly engine?: string;
  readonly memoryBytes?: number;
  readonly route?: LinkRoute;
  readonly problem?: Problem;
  readonly presence?: Presence;
}

export interface MeshEdge {
  readonly from: PeerId;
  readonly to: PeerId;
  /** 0: connected, and nothing passes. */
  readonly bytesPerSecond: number;
}

export interface MeshGraph {
  readonly nodes: readonly MeshNode[];
  /** Each direction that carries something, by whoever sends it; other connections of this device once. */
  readonly edges: readonly MeshEdge[];
}

type SeenRoom = Pick<
  RoomState,
  'self' | 'members' | 'names' | 'presences' | 'departed' | 'settings' | 'activity' | 'engine'
>;

/** Who is in the room and who sends how much to whom, as far as this device knows. */
export function meshGraph(room: SeenRoom): MeshGraph {
  const aside = setAside(room);
  const about = (id: PeerId): Pick<MeshNode, 'isSetAside' | 'presence'> => {
    const presence = room.presences.get(id);
    return { isSetAside: aside.has(id), ...(presence ? { presence } : {}) };
  };
  const nodes: Omit<MeshNode, 'number'>[] = [];
  const { self, settings, engine, activity } = room;
  if (self !== undefined) {
    nodes.push({
      id: self,
      name: settings.name,
      state: 'self',
      serves: activity.state === 'active',
      ...(engine.state === 'ready' ? { engine: engine.name } : {}),
      memoryBytes: settings.memoryBytes,
      ...about(self),
    });
  }
  for (const [id, member] of room.members)
    nodes.push({ id, name: deviceName(id, room), ...ofMember(member), ...about(id) });
  for (const [id, name] of room.departed) {
    if (room.members.has(id)) continue;
    nodes.push({ id, name, state: 'departed', serves: false, isSetAside: false });
  }
  return {
    nodes: nodes.map((node, index) => ({ ...node, number: index + 1 })),
    edges: edgesOf(room),
  };
}

function ofMember(member: Member): Omit<MeshNode, 'id' | 'number' | 'name' | 'isSetAside' | 'presence'> {
  switch (member.state) {
    case 'announced':
    case 'connecting':
      return { state: member.state, serves: true };
    case 'failed':
      return { state: member.state, serves: true, problem: problemOf(member.error) };
    case 'connected': {
      const { capabilities, reconnecting, route } = member;
      const { engine, memoryBytes, serves } = capabilities;
      return {
        state: reconnecting ? 'reconnecting' : 'connected',
        serves,
        // A requester that only asks has none.
        ...(engine === 'none' ? {} : { engine, memoryBytes }),
        ...(route ? { route } : {}),
      };
    }
  }
}

function edgesOf({ self, members, presences }: SeenRoom): MeshEdge[] {
  const known = new Set([...members.keys(), ...(self === undefined ? [] : [self])]);
  const edges: MeshEdge[] = [];
  const pairs = new Set<string>();
  for (const [from, { sent }] of presences) {
    for (const [to, bytesPerSecond] of sent) {
      if (!known.has(from) || !known.has(to) || from === to) continue;
      edges.push({ from, to, bytesPerSecond });
      pairs.add(`${from} ${to}`).add(`${to} ${from}`);
    }
  }
  if (self === undefined) return edges;
  for (const { id, state } of members.values()) {
    if (state === 'connected' && !pairs.has(`${self} ${id}`))
      edges.push({ from: self, to: id, bytesPerSecond: 0 });
  }
  return edges;
}
