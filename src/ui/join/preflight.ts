import { formatBytes, formatCount } from '../format.ts';
import type { RoomState } from '../peer-state.ts';
import { strings } from '../strings.ts';
import type { CheckState } from '../worded-states.ts';

/** One thing that a device needs to take part, and how it stands, in words. */
export interface Check {
  readonly id: 'engine' | 'speed' | 'memory' | 'links' | 'page' | 'screen' | 'battery';
  readonly state: CheckState;
  readonly title: string;
  readonly text: string;
}

type CheckedRoom = Pick<
  RoomState,
  'engine' | 'measuring' | 'macsPerSecond' | 'settings' | 'members' | 'device' | 'wakeLock' | 'battery'
>;

/** What stands between this device and its part of the work, in the order in which it matters. */
export function preflight(room: CheckedRoom): readonly Check[] {
  const { battery, settings, wakeLock } = room;
  const words = strings.preflight;
  return [
    engineCheck(room),
    speedCheck(room),
    {
      id: 'memory',
      state: 'done',
      title: words.memory,
      text: words.memoryOffered(formatBytes(settings.memoryBytes)),
    },
    linksCheck(room),
    pageCheck(room),
    {
      id: 'screen',
      state: wakeLock === 'held' ? 'done' : 'warning',
      title: strings.screen,
      text: strings.wakeLock[wakeLock],
    },
    ...(battery
      ? [
          {
            id: 'battery',
            state: !battery.charging && battery.level <= settings.restBelow ? 'warning' : 'done',
            title: words.battery,
            text: strings.preflight.charge(Math.round(battery.level * 100), battery.charging),
          } as const,
        ]
      : []),
  ];
}

function engineCheck({ engine }: CheckedRoom): Check {
  const title = strings.engine;
  switch (engine.state) {
    case 'choosing':
      return { id: 'engine', state: 'doing', title, text: strings.engineChoosing };
    case 'failed':
      return { id: 'engine', state: 'failed', title, text: strings.engineNone };
    case 'ready': {
      const text = `${engine.name} (${strings.accuracy[engine.accuracy]})`;
      return { id: 'engine', state: 'done', title, text };
    }
  }
}

function speedCheck({ measuring, macsPerSecond, engine }: CheckedRoom): Check {
  const at = { id: 'speed', title: strings.preflight.speed } as const;
  if (macsPerSecond !== undefined)
    return { ...at, state: 'done', text: strings.preflight.macs(formatCount(macsPerSecond)) };
  if (measuring) return { ...at, state: 'doing', text: strings.measuring };
  return {
    ...at,
    state: engine.state === 'failed' ? 'failed' : 'waiting',
    text: strings.preflight.notMeasured,
  };
}

function linksCheck({ members }: CheckedRoom): Check {
  const at = { id: 'links', title: strings.preflight.links } as const;
  const all = [...members.values()];
  const connected = all.flatMap((member) => (member.state === 'connected' ? [member] : []));
  const failed = all.filter(({ state }) => state === 'failed').length;
  const relayed = connected.filter(({ route }) => route === 'relayed').length;
  const direct = connected.filter(({ route }) => route === 'direct').length;
  if (all.length === 0) return { ...at, state: 'waiting', text: strings.preflight.noOthers };
  if (connected.length === 0 && failed === 0)
    return { ...at, state: 'waiting', text: strings.preflight.notConnected };
  const text = strings.preflight.routes({ connected: connected.length, direct, relayed, failed });
  return { ...at, state: failed + relayed > 0 ? 'warning' : 'done', text };
}

function pageCheck({ device }: CheckedRoom): Check {
  const isSecure = !device.missing.includes('secure-context');
  return {
    id: 'page',
    state: device.missing.length === 0 ? 'done' : 'warning',
    title: strings.preflight.page,
    text: !isSecure
      ? strings.preflight.insecure
      : device.missing.length === 0
        ? strings.preflight.secure
        : strings.preflight.incomplete,
  };
}
