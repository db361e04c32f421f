import { structureOf, type Draft } from './draft.ts';
import { teamPath, type TeamPath, type TeamRequest } from './team-paths.ts';

export interface TeamDraftsRequest extends Omit<TeamRequest, 'group' | 'memoryPrice' | 'movePrice'> {
  /** The full one, and others. */
  readonly groups: readonly (readonly number[])[];
  /** Per frame, of each engine: who is busier is of no interest. */
  readonly mostMs: number;
  readonly isTimeUp: () => boolean;
}

/** Of those that promise most. */
const TEAM_PATHS = 8;
/** Of memory and of moves, that team paths are found for. */
const MEMORY_PRICES = [0.25, 0.5, 1, 2, 4, 16];
const MOVE_PRICES = [0.3, 1];

/** Where memory is short for lanes of everything, what takes much of it is split: those ways that promise most and may fit. */
export function teamDrafts({ groups, mostMs, isTimeUp, ...request }: TeamDraftsRequest): Draft[] {
  const { devices } = request;
  const full = groups.filter(({ length }) => length === devices.length);
  const most = groups.find(({ length }) => length < devices.length && length > devices.length / 2);
  const found = new Map<string, TeamPath>();
  for (const group of most ? [...full, most] : full) {
    if (group.length < 2) continue;
    const mean = group.reduce((sum, device) => sum + devices[device]!.memoryBytes, 0) / group.length;
    for (const movePrice of MOVE_PRICES) {
      for (const memoryPrice of MEMORY_PRICES) {
        if (isTimeUp()) break;
        const path = teamPath({ ...request, group, memoryPrice, movePrice });
        if (!path || path.loadMs > mostMs || path.heldBytes > mean) continue;
        found.set(structureOf(path.draft) + group.join(), path);
      }
    }
  }
  return [...found.values()]
    .sort((a, b) => a.loadMs - b.loadMs)
    .slice(0, TEAM_PATHS)
    .map(({ draft }) => draft);
}
