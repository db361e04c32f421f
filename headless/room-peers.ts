import type { Member, Mesh } from '../src/mesh/mesh.ts';
import type { Capabilities } from '../src/protocol/messages.ts';
import { parseRoomLink, type RoomLink } from '../src/protocol/room-link.ts';
import type { SurveyEvent } from '../src/runtime/survey.ts';
import { PeerceptronError, unreachable } from '../src/shared/errors.ts';
import { shortId, type PeerId } from '../src/shared/ids.ts';

export interface RoomPeer {
  readonly id: PeerId;
  readonly capabilities: Capabilities;
}

/** How people call these devices, with a part of the id where two have the same name; anybody else is the requester. */
export function deviceNames(peers: readonly RoomPeer[]): (peer: PeerId) => string {
  const names = new Map(
    peers.map(({ id, capabilities: { name } }) => {
      const isShared = peers.some((other) => other.id !== id && other.capabilities.name === name);
      return [id, isShared ? `${name} (${shortId(id)})` : name];
    }),
  );
  return (peer) => names.get(peer) ?? 'requester';
}

/** The room of a `--room` flag: its link, or `env` for `PEERCEPTRON_URL`. */
export const parseRoomFlag = (room: string): RoomLink =>
  parseRoomLink(room === 'env' ? (process.env.PEERCEPTRON_URL ?? '') : room);

/** What people should know of a survey; nothing where all is well. */
export function describeSurveyEvent(
  event: SurveyEvent,
  nameOf: (peer: PeerId) => string,
): string | undefined {
  switch (event.type) {
    case 'device-silent':
      return `${nameOf(event.peer)} is left out: ${event.error.message}`;
    case 'link-unmeasured': {
      const { from, to } = event.link;
      return `the link from ${nameOf(from)} to ${nameOf(to)} could not be measured, and is guessed: ${event.error.message}`;
    }
    case 'link-measured':
      return undefined;
    default:
      return unreachable(event);
  }
}

/** With no count asked for, the room counts as complete when nobody new has come for this long. */
const QUIET_MS = 1500;

/** The members that offer compute and are connected, in order of name and id: the same room gives the same list. */
export const servingPeers = (mesh: Mesh): RoomPeer[] =>
  [...mesh.members.values()]
    .flatMap((member) =>
      member.state === 'connected' && member.capabilities.serves
        ? [{ id: member.id, capabilities: member.capabilities }]
        : [],
    )
    .sort((a, b) => a.capabilities.name.localeCompare(b.capabilities.name) || (a.id < b.id ? -1 : 1));

/**
 * Connects to the members of a room and waits for those that serve: until `count` are there, or, without a count,
 * until the room is quiet and every member has answered. In order of name and id, so that the same room gives the same plan.
 * @throws PLAN_NO_PEERS saying what was found instead
 */
export async function gatherPeers(
  mesh: Mesh,
  { count, timeoutMs }: { readonly count?: number; readonly timeoutMs: number },
): Promise<RoomPeer[]> {
  const dial = (member: Member): void => {
    // A failed dial shows as the member's state.
    if (member.state === 'announced') mesh.channel(member.id).catch(() => undefined);
  };
  const serving = (): RoomPeer[] => servingPeers(mesh);
  const settled = (): boolean =>
    serving().length > 0 &&
    [...mesh.members.values()].every(({ state }) => state === 'connected' || state === 'failed');

  await new Promise<void>((resolve) => {
    let quiet: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(deadline);
      clearTimeout(quiet);
      unsubscribe();
      resolve();
    };
    const look = (): void => {
      clearTimeout(quiet);
      if (count !== undefined && serving().length >= count) finish();
      else if (count === undefined && settled()) quiet = setTimeout(finish, QUIET_MS);
    };
    const deadline = setTimeout(finish, timeoutMs);
    const unsubscribe = mesh.subscribe((event) => {
      if (event.type === 'member') dial(event.member);
      look();
    });
    for (const member of mesh.members.values()) dial(member);
    look();
  });

  const found = serving();
  if (found.length < (count ?? 1)) {
    const others = [...mesh.members.values()].map((member) =>
      member.state === 'failed'
        ? `${shortId(member.id)}: ${member.error.message}`
        : `${shortId(member.id)}: ${member.state}`,
    );
    throw new PeerceptronError(
      'PLAN_NO_PEERS',
      `${found.length} of ${count ?? 1} peers that offer compute came within ${Math.round(timeoutMs / 1000)} s. ` +
        (others.length > 0
          ? `In the room: ${others.join('; ')}`
          : 'The room is empty: open its link on other devices.'),
    );
  }
  return count === undefined ? found : found.slice(0, count);
}
