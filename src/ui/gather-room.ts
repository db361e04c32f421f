import type { Mesh } from '../mesh/mesh.ts';
import type { Clock } from '../shared/clock.ts';

/** A device that cannot be reached is known as such after this time at most; it may still join later. */
const GATHER_TIMEOUT_MS = 10_000;

/** Connects to everyone in the room: what they offer is known then. */
export async function gatherRoom(mesh: Mesh, clock: Pick<Clock, 'after'>): Promise<void> {
  let cancel: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (cancel = clock.after(GATHER_TIMEOUT_MS, resolve)));
  const dials = [...mesh.members.values()]
    .filter(({ state }) => state !== 'connected')
    .map(({ id }) => mesh.channel(id));
  await Promise.race([Promise.allSettled(dials), late]);
  cancel();
}
