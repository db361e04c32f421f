import type { PeerId } from '../shared/ids.ts';
import type { PeerRoster } from '../runtime/replan.ts';
import type { Member, Mesh } from './mesh.ts';

const serves = (member: Member): boolean => member.state === 'connected' && member.capabilities.serves;

/**
 * The members of a room that offer compute, for a session that follows them. Whoever is announced is dialled: what a member
 * offers is known once there is a channel.
 */
export function meshRoster(mesh: Mesh): PeerRoster {
  const dial = (member: Member): void => {
    // A failed dial shows as the member's state.
    if (member.state === 'announced') mesh.channel(member.id).catch(() => undefined);
  };
  return {
    peers: () => [...mesh.members.values()].filter(serves).map(({ id }): PeerId => id),
    subscribe: (listener) => {
      for (const member of mesh.members.values()) dial(member);
      return mesh.subscribe((event) => {
        switch (event.type) {
          case 'member':
            dial(event.member);
            listener({ type: 'changed' });
            return;
          case 'member-left':
          case 'offered':
            // Of `offered` this device itself: it is one of those that may compute.
            listener({ type: 'changed' });
            return;
          case 'member-doubtful':
            listener({ type: 'doubtful', peer: event.id });
            return;
          case 'signaling':
        }
      });
    },
  };
}
