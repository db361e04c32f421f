import type { Command } from 'commander';
import pc from 'picocolors';
import type { Mesh } from '../../src/mesh/mesh.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts';
import { parseRoomLink, type RoomLink } from '../../src/protocol/room-link.ts';
import { toPeerceptronError, type PeerceptronError } from '../../src/shared/errors.ts';
import { shortId } from '../../src/shared/ids.ts';
import type { RtcCandidates, RtcConnection } from '../../src/transport/rtc.ts';
import { openRtcNode } from '../../src/transport/simple-peer-node.ts';
import { roomLinkFrom } from '../given-link.ts';
import { startEngine } from '../node-engine.ts';
import { joinNodeMesh } from '../node-mesh.ts';
import { defaultMemoryOffer, memoryLimitBytes } from '../platform.ts';
import { EXIT, createTerminal, formatBytes } from '../terminal.ts';

type Verdict = 'ok' | 'warning' | 'problem' | 'skipped';

interface Check {
  readonly name: 'link' | 'port' | 'signaling' | 'udp' | 'addresses' | 'devices' | 'engine' | 'memory';
  readonly verdict: Verdict;
  /** What was found, and what to do about it. */
  readonly message: string;
}

const REACH_TIMEOUT_MS = 5000;
const UDP_TIMEOUT_MS = 10_000;
/** Below this, even small networks do not fit beside an engine. */
const SMALL_MEMORY_BYTES = 300e6;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('find out why this device cannot join a room: port, UDP, addresses, engine, memory')
    .argument('[url]', 'room link; without one, only this device is examined')
    .option('--url-file <file>', 'read the room link from a file (or set PEERCEPTRON_URL)')
    .option('--json', 'print one JSON document')
    .action(async (url: string | undefined, flags: { urlFile?: string; json?: boolean }) => {
      process.exitCode = await doctor(url, flags);
    });
}

async function doctor(
  url: string | undefined,
  flags: { readonly urlFile?: string; readonly json?: boolean },
): Promise<number> {
  const terminal = createTerminal(flags.json ?? false);
  const checks: Check[] = [];
  const report = (check: Check): void => {
    checks.push(check);
    terminal.say(`${mark[check.verdict]} ${check.name.padEnd(10)} ${check.message}`);
  };

  const hasLink =
    url !== undefined || flags.urlFile !== undefined || process.env.PEERCEPTRON_URL !== undefined;
  if (hasLink) await examineRoom(url, flags.urlFile, report);
  else
    report({ name: 'link', verdict: 'skipped', message: 'no room link given: only this device is examined' });
  await examineUdp(report);
  await examineEngine(report);
  examineMemory(report);

  const problems = checks.filter(({ verdict }) => verdict === 'problem').length;
  terminal.say(
    problems === 0
      ? pc.green('\nNothing stands in the way.')
      : pc.red(`\n${problems} found that stand in the way.`),
  );
  terminal.result({ healthy: problems === 0, checks });
  return problems === 0 ? EXIT.ok : EXIT.failed;
}

const mark: Record<Verdict, string> = {
  ok: pc.green('✓'),
  warning: pc.yellow('!'),
  problem: pc.red('✗'),
  skipped: pc.dim('–'),
};

type Report = (check: Check) => void;

async function examineRoom(
  url: string | undefined,
  urlFile: string | undefined,
  report: Report,
): Promise<void> {
  let link: RoomLink;
  try {
    link = parseRoomLink(await roomLinkFrom(url, urlFile));
    report({ name: 'link', verdict: 'ok', message: `room '${link.room}' at ${link.origin}` });
  } catch (thrown) {
    report({ name: 'link', verdict: 'problem', message: toPeerceptronError(thrown).message });
    return;
  }
  // The host of the page has no part in a room that a PeerServer introduces; joining examines that one.
  if (!link.peerServer) {
    const port = await examinePort(link);
    report(port);
    if (port.verdict === 'problem') return;
  }
  let mesh: Mesh;
  try {
    ({ mesh } = await joinNodeMesh({ link, name: 'doctor' }));
  } catch (thrown) {
    report({ name: 'signaling', verdict: 'problem', message: toPeerceptronError(thrown).message });
    return;
  }
  const members = [...mesh.members.keys()];
  report({
    name: 'signaling',
    verdict: 'ok',
    message: `joined; ${members.length} other device${members.length === 1 ? '' : 's'} in the room`,
  });
  await examineMembers(mesh, report);
  await mesh.leave();
}

async function examinePort(link: RoomLink): Promise<Check> {
  const name = 'port';
  try {
    const response = await fetch(`${link.origin}config.json`, {
      signal: AbortSignal.timeout(REACH_TIMEOUT_MS),
    });
    const config = (await response.json()) as { app?: string; protocolVersion?: number };
    if (config.app !== 'peerceptron') {
      return {
        name,
        verdict: 'problem',
        message: `${link.origin} answers, but is no Peerceptron server: check the link`,
      };
    }
    if (config.protocolVersion !== PROTOCOL_VERSION) {
      const versions = `the server speaks protocol ${config.protocolVersion}, this program ${PROTOCOL_VERSION}`;
      return { name, verdict: 'problem', message: `${versions}: update the older one` };
    }
    return { name, verdict: 'ok', message: `${link.origin} answers` };
  } catch (thrown) {
    return {
      name,
      verdict: 'problem',
      message: `${link.origin} does not answer (${whyUnreachable(thrown)})`,
    };
  }
}

function whyUnreachable(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused: the server is not running there, or another port is meant';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name is unknown: use the address, or check the network';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return "this program does not know who vouches for the server's certificate: use the link with http://, or name the authority's file in NODE_EXTRA_CA_CERTS (docs/https.md)";
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route: this device is in another network than the server';
    default:
      break;
  }
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return `no answer in ${REACH_TIMEOUT_MS / 1000} s: a firewall on the server may block the port`;
  }
  if (thrown instanceof SyntaxError) return 'it answers with something else: check the link';
  return `${code || (thrown instanceof Error ? thrown.message : String(thrown))}`;
}

async function examineMembers(mesh: Mesh, report: Report): Promise<void> {
  const ids = [...mesh.members.keys()];
  if (ids.length === 0) {
    report({ name: 'devices', verdict: 'skipped', message: 'nobody else is in the room to connect to' });
    return;
  }
  for (const id of ids.slice(0, 8)) {
    try {
      await mesh.channel(id);
      const member = mesh.members.get(id);
      const who =
        member?.state === 'connected' ? `${member.capabilities.name} (${member.capabilities.engine})` : '';
      report({ name: 'devices', verdict: 'ok', message: `connected to ${shortId(id)} ${who}`.trim() });
    } catch (thrown) {
      const error: PeerceptronError = toPeerceptronError(thrown);
      report({ name: 'devices', verdict: 'problem', message: `${error.code}: ${error.message}` });
    }
  }
}

/** WebRTC from this process to itself: shows whether UDP works at all, and which addresses it would offer. */
async function examineUdp(report: Report): Promise<void> {
  const [a, b] = [true, false].map((initiator) => openRtcNode({ initiator, iceServers: [] })) as [
    RtcConnection,
    RtcConnection,
  ];
  a.onSignal = (signal) => b.signal(signal);
  b.onSignal = (signal) => a.signal(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no connection')), UDP_TIMEOUT_MS);
  });
  try {
    await Promise.race([Promise.all([a.opened, b.opened]), late]);
    report({ name: 'udp', verdict: 'ok', message: 'a WebRTC data channel works on this device' });
  } catch {
    report({
      name: 'udp',
      verdict: 'problem',
      message:
        'WebRTC cannot reach even this device itself: a firewall blocks UDP, or there is no network address',
    });
  } finally {
    clearTimeout(timer);
    report(describeAddresses(a.candidates()));
    a.close();
    b.close();
  }
}

function describeAddresses({ local }: RtcCandidates): Check {
  const name = 'addresses';
  const kinds = new Set(local);
  if (kinds.size === 0) {
    return {
      name,
      verdict: 'problem',
      message: 'no address to offer to other devices: join a network first',
    };
  }
  if (kinds.has('mdns') && !kinds.has('host')) {
    return {
      name,
      verdict: 'warning',
      message: 'addresses are hidden behind .local names: devices need multicast to find each other',
    };
  }
  const offered = [...kinds].join(', ');
  const direct = 'other devices in the same network can connect directly';
  return { name, verdict: 'ok', message: `offers ${offered} addresses, none hidden: ${direct}` };
}

async function examineEngine(report: Report): Promise<void> {
  try {
    const { engine, refused } = await startEngine('auto');
    await engine.dispose();
    const others = refused.map(({ candidate, reason }) => `${candidate}: ${reason}`).join('; ');
    report({
      name: 'engine',
      // One that nobody has installed is no fault.
      verdict: refused.some(({ missing, slower }) => !missing && !slower) ? 'warning' : 'ok',
      message: `${engine.name} computes right${others ? ` (not in its place: ${others})` : ''}`,
    });
  } catch (thrown) {
    report({ name: 'engine', verdict: 'problem', message: toPeerceptronError(thrown).message });
  }
}

function examineMemory(report: Report): void {
  const limit = memoryLimitBytes();
  const offer = defaultMemoryOffer();
  const text = `${formatBytes(limit)} on this device, ${formatBytes(offer)} would be offered`;
  const small = offer < SMALL_MEMORY_BYTES;
  report({
    name: 'memory',
    verdict: small ? 'warning' : 'ok',
    message: small ? `${text}: only small slices fit; close other programs or add swap` : text,
  });
}
