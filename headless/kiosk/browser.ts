import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import * as v from 'valibot';
import type { Clock } from '../../src/shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../../src/shared/errors.ts';
import { HEARTBEAT, type Heartbeat } from '../../src/ui/kiosk/heartbeat.ts';
import { DevtoolsPipe } from './devtools-pipe.ts';

/** A Chromium with one page, which shows whatever it is told to. */
export interface KioskBrowser {
  readonly pid: number;
  /** Resolves with a sentence as soon as the browser, its window or the process of its page is gone. */
  readonly ended: Promise<string>;
  /** Resolves with why the address could not be loaded, or undefined when it is there. Rejects where the browser does not answer. */
  show(url: string): Promise<string | undefined>;
  /** Undefined where another page is shown. Rejects where the page does not answer within `timeoutMs`. */
  heartbeat(timeoutMs: number): Promise<Heartbeat | undefined>;
  /** Ends the browser with all of its processes. Never rejects. */
  stop(): Promise<void>;
}

export interface StartBrowserOptions {
  readonly executable: string;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The pages that may use the camera, keep the screen awake and talk to the network around them; all others are asked. */
  readonly trustedOrigins: readonly string[];
  readonly clock: Clock;
}

/** As DevTools calls what a kiosk's page needs; an older Chromium does not know all of them. */
const PERMISSIONS = [
  'camera',
  'screen-wake-lock',
  'persistent-storage',
  'local-network-access',
  'local-network',
  'loopback-network',
];
/** A Raspberry Pi that has just been switched on reads Chromium from a slow card. */
const START_TIMEOUT_MS = 90_000;
/** A server that is off does not refuse. */
const LOAD_TIMEOUT_MS = 30_000;
const ALIVE_TIMEOUT_MS = 5000;
const GOODBYE_MS = 3000;
/** Of processes that were killed: the system takes a moment, and who does not exist any more writes no files. */
const GONE_WITHIN_MS = 2000;
const LOOK_AGAIN_MS = 25;
const COMPLAINTS_LENGTH = 600;

const targets = v.object({
  targetInfos: v.array(v.object({ targetId: v.string(), type: v.string(), url: v.string() })),
});
const attached = v.object({ sessionId: v.string() });
const navigated = v.object({ errorText: v.optional(v.string()) });
/** The page may be of another version than this program: all that is needed is that it beats. */
const evaluated = v.object({
  result: v.object({
    value: v.optional(
      v.object({
        beat: v.number(),
        phase: v.optional(v.string(), 'unknown'),
        frames: v.optional(v.number(), 0),
        engine: v.optional(v.string()),
        busyMs: v.optional(v.number(), 0),
        secure: v.optional(v.boolean(), false),
        isolated: v.optional(v.boolean(), false),
      }),
    ),
  }),
});

/** Rejects where it cannot be started, with what it complained about; then nothing of it is left. */
export async function startBrowser(options: StartBrowserOptions): Promise<KioskBrowser> {
  const { executable, flags, env, clock } = options;
  const child = spawn(executable, flags, {
    env,
    // A process group of its own: whatever it starts ends with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  child
    .stderr!.setEncoding('utf8')
    .on('data', (text: string) => (complaints = (complaints + text).slice(-COMPLAINTS_LENGTH)));
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${executable} cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`Chromium has ended (${signal ?? `code ${code}`})`));
  });
  const pipe = new DevtoolsPipe({
    toBrowser: child.stdio[3] as Writable,
    fromBrowser: child.stdio[4] as Readable,
    clock,
  });
  const stop = (): Promise<void> => stopGroup(child, exited, pipe, clock);
  try {
    return await openPage(child, exited, pipe, stop, options);
  } catch (thrown) {
    await stop();
    const { message } = toPeerceptronError(thrown);
    throw new PeerceptronError('INTERNAL', `${message}. ${complaints.trim()}`.trim(), { cause: thrown });
  }
}

async function openPage(
  child: ChildProcess,
  exited: Promise<string>,
  pipe: DevtoolsPipe,
  stop: () => Promise<void>,
  { trustedOrigins }: StartBrowserOptions,
): Promise<KioskBrowser> {
  const early = exited.then((reason) => Promise.reject(new PeerceptronError('INTERNAL', reason)));
  early.catch(() => undefined);
  const call = (method: string, params: Record<string, unknown> = {}): Promise<unknown> =>
    Promise.race([pipe.call(method, params, { timeoutMs: START_TIMEOUT_MS }), early]);

  const { targetInfos } = v.parse(targets, await call('Target.getTargets'));
  // Parts of the browser's own window may be pages, too.
  const page = targetInfos.find(({ type, url }) => type === 'page' && url === 'about:blank');
  if (!page) throw new PeerceptronError('INTERNAL', 'Chromium has opened no page');
  const { targetId } = page;
  const { sessionId } = v.parse(attached, await call('Target.attachToTarget', { targetId, flatten: true }));

  const gone = new Promise<string>((resolve) => {
    pipe.onEvent = ({ method, params }) => {
      if (method === 'Inspector.targetCrashed') resolve("the page's process has ended");
      if (method === 'Target.detachedFromTarget' && params.sessionId === sessionId)
        resolve('the window of the page has been closed');
    };
  });
  await pipe.call('Inspector.enable', {}, { sessionId });
  for (const origin of trustedOrigins) {
    for (const name of PERMISSIONS) {
      const wanted = { origin, permission: { name }, setting: 'granted' };
      await pipe.call('Browser.setPermission', wanted).catch(() => undefined);
    }
  }
  return {
    pid: child.pid!,
    ended: Promise.race([exited, gone]),
    show: async (url) => {
      try {
        const options = { sessionId, timeoutMs: LOAD_TIMEOUT_MS };
        return v.parse(navigated, await pipe.call('Page.navigate', { url }, options)).errorText;
      } catch {
        // Is it the server that does not answer, or the browser?
        await pipe.call('Browser.getVersion', {}, { timeoutMs: ALIVE_TIMEOUT_MS });
        return `no answer within ${LOAD_TIMEOUT_MS / 1000} s`;
      }
    },
    heartbeat: async (timeoutMs) => {
      const expression = `globalThis.${HEARTBEAT}?.()`;
      const answer = await pipe.call(
        'Runtime.evaluate',
        { expression, returnByValue: true },
        { sessionId, timeoutMs },
      );
      return v.parse(evaluated, answer).result.value;
    },
    stop,
  };
}

async function stopGroup(
  child: ChildProcess,
  exited: Promise<string>,
  pipe: DevtoolsPipe,
  clock: Clock,
): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    // Asked first, so that it writes down what it keeps.
    pipe.call('Browser.close', {}, { timeoutMs: GOODBYE_MS }).catch(() => undefined);
    await Promise.race([exited, new Promise<void>((resolve) => void clock.after(GOODBYE_MS, resolve))]);
  }
  // What hangs, and what has outlived its browser.
  for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS && signalGroup(child.pid); waitedMs += LOOK_AGAIN_MS)
    await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
  await exited;
}

/** Whether there was anybody left to kill. */
function signalGroup(group: number): boolean {
  try {
    return process.kill(-group, 'SIGKILL');
  } catch {
    return false;
  }
}
