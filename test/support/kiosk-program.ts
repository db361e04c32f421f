import type { KioskEvent } from '../../headless/kiosk/keep-kiosk.ts';
import { startProgram, type Program } from './program.ts';

type EventOf<T extends KioskEvent['type']> = Extract<KioskEvent, { readonly type: T }>;

/** `peerceptron kiosk --json`, with the link in its environment. */
export interface KioskProgram {
  readonly program: Program;
  /** How many events there were so far. */
  count(): Promise<number>;
  /** The first event of this type from number `from` on that satisfies `isMeant`. */
  event<T extends KioskEvent['type']>(
    type: T,
    from?: number,
    isMeant?: (event: EventOf<T>) => boolean,
  ): Promise<EventOf<T>>;
  stop(): Promise<{ readonly code: number | null; readonly stderr: string }>;
}

export function startKiosk(
  link: string,
  profile: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): KioskProgram {
  const program = startProgram(['kiosk', '--json', '--profile', profile, ...args], {
    PEERCEPTRON_URL: link,
    ...env,
  });
  const parsed = (lines: readonly string[]): KioskEvent[] =>
    lines.map((line) => JSON.parse(line) as KioskEvent);
  return {
    program,
    count: () => program.lines((lines) => lines.length),
    event: <T extends KioskEvent['type']>(
      type: T,
      from = 0,
      isMeant: (event: EventOf<T>) => boolean = () => true,
    ) =>
      program.lines((lines) =>
        parsed(lines)
          .slice(from)
          .find((event): event is EventOf<T> => event.type === type && isMeant(event as EventOf<T>)),
      ),
    stop: () => program.stop(),
  };
}

/** The page is in its room. */
export const isIn = ({ phase }: { readonly phase: string }): boolean =>
  ['alone', 'ready', 'working'].includes(phase);
