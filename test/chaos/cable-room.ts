import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createRoomLink, formatRoomLink } from '../../src/protocol/room-link.ts';
import { randomBytes } from '../e2e/mesh-room.ts';
import { isAlive } from '../support/program.ts';

/** What a device of the room is told. */
export type CableCommand =
  /** Pulls these cables out as soon as so many bytes of streams have arrived at this device; for good, or for some time. */
  | {
      readonly type: 'pull-at';
      readonly receivedBytes: number;
      readonly cables: readonly Cable[];
      readonly forMs?: number;
    }
  | { readonly type: 'plug-in'; readonly cables: readonly Cable[] }
  /** Takes what streams bring, and tells of each when it is complete. */
  | { readonly type: 'take'; readonly peer: string }
  /** Sends one stream per request, all at once. */
  | {
      readonly type: 'send';
      readonly peer: string;
      readonly requests: readonly number[];
      readonly sizeBytes: number;
    }
  /** Runs frames through a session whose only peer is `peer`. */
  | {
      readonly type: 'frames';
      readonly peer: string;
      readonly frames: number;
      readonly elements: number;
    }
  | { readonly type: 'count' };

/** What it tells, by type. */
interface CableEvents {
  readonly listening: { readonly port: number };
  readonly joined: { readonly peer: string };
  readonly announced: { readonly peer: string };
  /** There is a channel to `peer`, or one again. */
  readonly connected: { readonly peer: string };
  readonly reconnecting: { readonly peer: string };
  readonly taking: object;
  readonly pulled: object;
  /** A stream is complete: what it was, how long, and its SHA-256. */
  readonly arrived: { readonly what: string };
  readonly interrupted: { readonly code: string };
  /** As `arrived`, or a code in its place. */
  readonly sent: { readonly what: readonly string[] };
  readonly frame: { readonly frame: number; readonly isRight: boolean };
  readonly framesDone: object;
  readonly counts: { readonly opened: number; readonly receivedBytes: number };
  readonly closed: { readonly code: string };
  /** A command could not be carried out. */
  readonly failed: { readonly code: string };
}
type EventOf<Type extends keyof CableEvents> = { readonly type: Type } & CableEvents[Type];
export type CableEvent = { [Type in keyof CableEvents]: EventOf<Type> }[keyof CableEvents];

/** `data` joins the two devices, `server` each of them and the server; there is no route from one to the other. */
export type Cable = 'data' | 'server';

const PREFIX = 'peerceptron';

/** Why this machine cannot run tests in namespaces of their own; nothing when it can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’';
  if (process.getuid?.() !== 0) return 'making a network namespace takes root';
  const probe = `${PREFIX}-${process.pid}-probe`;
  try {
    run('netns', 'add', probe);
    try {
      run('-n', probe, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
      run('netns', 'exec', probe, 'true');
    } finally {
      run('netns', 'del', probe);
    }
    return undefined;
  } catch (error) {
    return `ip netns does not work here: ${(error as Error).message.trim().split('\n').at(-1)}`;
  }
}

function run(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Namespaces of a run that was killed before it could tidy up. */
function removeLeftovers(): void {
  for (const line of run('netns', 'list').split('\n')) {
    const [name = ''] = line.split(' ');
    const pid = Number(name.match(`^${PREFIX}-(\\d+)-`)?.[1]);
    if (pid > 0 && !isAlive(pid)) run('netns', 'del', name);
  }
}

export class CableDevice {
  /** Its id in the room. */
  peer = '';
  readonly #events: CableEvent[] = [];
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(namespace: string, program: string, env: Readonly<Record<string, string>>) {
    // `ip` becomes the program: the process that is ended later is the program's.
    this.#child = spawn('ip', ['netns', 'exec', namespace, process.execPath, program], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const changed = (): void => {
      for (const watch of [...this.#watchers]) watch();
    };
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as CableEvent);
      changed();
    });
    this.#child.once('close', changed);
  }

  tell(command: CableCommand): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** The first event of that type, or the first that `isIt`; fails when the device ends or reports a failure instead. */
  event<Type extends keyof CableEvents>(
    type: Type,
    isIt: (event: EventOf<Type>) => boolean = () => true,
  ): Promise<EventOf<Type>> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.all(type).find(isIt);
        const hasFailed = this.all('failed').length > 0;
        if (!found && !hasFailed && this.#isAlive) return;
        this.#watchers.delete(look);
        if (found) return resolve(found);
        const why = hasFailed ? 'it failed' : 'the process ended';
        reject(new Error(`no '${type}', ${why}: ${JSON.stringify(this.#events)}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** All events of that type, in order. */
  all<Type extends keyof CableEvents>(type: Type): readonly EventOf<Type>[] {
    return this.#events.filter((event): event is CableEvent & EventOf<Type> => event.type === type);
  }

  get #isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async end(): Promise<void> {
    if (!this.#isAlive) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await closed;
  }
}

let rooms = 0;

/**
 * A signaling server and two devices, each a process in a network namespace of its own, joined by cables (veth pairs) that can be
 * pulled out. Nothing of it can be reached from elsewhere, nor reach anything else.
 */
export class CableRoom {
  sender!: CableDevice;
  receiver!: CableDevice;
  readonly #undo: (() => unknown)[] = [];

  /** `close` has to be called also when this fails. */
  async open(program: string): Promise<void> {
    removeLeftovers();
    const name = (who: string): string => `${PREFIX}-${process.pid}-${rooms}-${who}`;
    const [server, sender, receiver] = [name('server'), name('sender'), name('receiver')];
    rooms += 1;
    for (const namespace of [server, sender, receiver]) {
      run('netns', 'add', namespace);
      this.#undo.push(() => run('netns', 'del', namespace));
      // One kind of address, and no way through the server.
      run('netns', 'exec', namespace, 'sh', '-c', 'cd /proc/sys/net; echo 0 > ipv4/ip_forward; if [ -d ipv6 ]; then echo 1 > ipv6/conf/all/disable_ipv6; echo 1 > ipv6/conf/default/disable_ipv6; fi'); // prettier-ignore
      run('-n', namespace, 'link', 'set', 'lo', 'up');
    }
    const lay = (one: [namespace: string, cable: string], other: [string, string], subnet: string): void => {
      run('-n', one[0], 'link', 'add', one[1], 'type', 'veth', 'peer', 'name', other[1], 'netns', other[0]);
      for (const [index, [namespace, cable]] of [one, other].entries()) {
        run('-n', namespace, 'address', 'add', `${subnet}.${index + 1}/24`, 'dev', cable);
        run('-n', namespace, 'link', 'set', cable, 'up');
      }
    };
    lay([server, 'sender'], [sender, 'server'], '10.99.1');
    lay([server, 'receiver'], [receiver, 'server'], '10.99.2');
    lay([sender, 'data'], [receiver, 'data'], '10.99.3');

    const start = (namespace: string, env: Readonly<Record<string, string>> = {}): CableDevice => {
      const device = new CableDevice(namespace, program, env);
      this.#undo.push(() => device.end());
      return device;
    };
    const { port } = await start(server).event('listening');
    const link = createRoomLink(`http://10.99.1.1:${port}/`, randomBytes);
    const join = async (namespace: string, host: string): Promise<CableDevice> => {
      // The same server: each device knows it by the address at its own cable.
      const own = formatRoomLink({ ...link, origin: `http://${host}:${port}/` });
      const device = start(namespace, { ROOM_LINK: own });
      device.peer = (await device.event('joined')).peer;
      return device;
    };
    this.sender = await join(sender, '10.99.1.1');
    this.receiver = await join(receiver, '10.99.2.1');
    await this.sender.event('announced', ({ peer }) => peer === this.receiver.peer);
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'could not tidy up');
  }
}
