import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import pc from 'picocolors';
import { systemClock } from '../../src/mesh/system-clock.ts';
import type { RoomLink } from '../../src/protocol/room-link.ts';
import { listModels, type ListedModel } from '../../signaling/model-list.ts';
import { pictureFrames } from '../frames.ts';
import { openLocalRoom, type LocalRoom } from '../local-room.ts';
import { bundledModelDir, loadModelByName } from '../model-files.ts';
import { parseNatural, parsePort } from '../flags.ts';
import { engineOption, startEngine } from '../node-engine.ts';
import { joinNodeMesh } from '../node-mesh.ts';
import { startPeerProcesses } from '../peer-processes.ts';
import { serveHttps, type HttpsFlags } from '../https/serve-https.ts';
import { announceName, type AnnouncedName } from '../mdns/announce-name.ts';
import { readRoomFile, writeRoomFile } from '../room-file.ts';
import { describeLinks, reachableHosts, servedLinks } from '../served-links.ts';
import { gatherPeers } from '../room-peers.ts';
import { runFrames, showSpreading } from '../report.ts';
import { spreadModel } from '../spread-model.ts';
import { createTerminal, type Terminal, usage } from '../terminal.ts';

interface ServeFlags extends HttpsFlags {
  readonly port: number;
  readonly host?: string;
  readonly peers: number;
  readonly models?: string;
  readonly roomName?: string;
  readonly roomFile?: string;
  readonly engine: string;
  readonly mdns: boolean;
  readonly demo?: boolean;
  readonly json?: boolean;
}

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('serve the page and introduce peers; prints the link and QR code that other devices open')
    .option('--port <port>', 'the next free one is taken when it is in use', parsePort, 8080)
    .option('--host <address>', 'listen on this address only (default: all)')
    .option('--peers <n>', 'also start n local peers', parseNatural, 0)
    .option('--models <dir>', 'serve this folder under /models/ (Range, CORS)')
    .option('--room-name <name>', 'the readable part of the room link')
    .option('--room-file <file>', 'keep the room in this file, so that its links hold after a restart')
    .option('--https', 'also speak https, by a certificate of this machine that devices trust once')
    .option('--cert <file>', 'also speak https, by a certificate of your own (PEM)')
    .option('--key <file>', 'the private key of that certificate (PEM)')
    .addOption(engineOption('engine of the local peers').env('PEERCEPTRON_ENGINE'))
    .option('--no-mdns', 'have no name (peerceptron.local) in the network')
    .option('--demo', 'classify the sample pictures through the local peers first')
    .option('--json', 'print one JSON document with the links (and the demo), then stay up')
    .action(async (flags: ServeFlags) => {
      await serve(flags);
    });
}

async function serve(flags: ServeFlags): Promise<void> {
  const terminal = createTerminal(flags.json ?? false);
  const models = flags.models === undefined ? undefined : await servedModels(flags.models);
  const keptRoom = await readKeptRoom(flags);
  const note = (sentence: string): void => terminal.note(sentence);
  const mdns = flags.mdns ? announceName({ host: flags.host, clock: systemClock, note }) : undefined;
  try {
    await serveRoom(terminal, flags, keptRoom, models, mdns);
  } finally {
    await mdns?.close();
  }
}

async function serveRoom(
  terminal: Terminal,
  flags: ServeFlags,
  keptRoom: RoomLink | undefined,
  models: readonly ListedModel[] | undefined,
  mdns: AnnouncedName | undefined,
): Promise<void> {
  // Addresses first: not every device knows such names.
  const reachable = (): string[] => [...reachableHosts(flags.host), ...(mdns?.name ? [mdns.name] : [])];
  // A certificate is for the name, too.
  if (flags.https || flags.cert !== undefined) await mdns?.ready;
  const https = await serveHttps({
    flags,
    reachable,
    note: (sentence) => terminal.note(sentence),
    clock: systemClock,
    nowMs: () => Date.now(),
  });
  const room = await openLocalRoom({
    port: flags.port,
    ...(flags.host ? { host: flags.host } : {}),
    ...(flags.models ? { modelsDir: flags.models } : {}),
    ...(flags.roomName ? { room: flags.roomName } : {}),
    ...(keptRoom ? { keptRoom } : {}),
    ...(https ? { tls: https.tls } : {}),
    ...(https?.trust ? { trust: https.trust } : {}),
    onPortTaken: (port) => {
      terminal.note(`Port ${port} is taken by another program; trying ${port + 1}.`);
      return true;
    },
  });
  const stopWatching = https?.watch(room.server);
  let stopping = false;
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => {
      stopping = true;
      resolve();
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
  try {
    if (flags.roomFile !== undefined && !keptRoom) await writeRoomFile(flags.roomFile, room.link);
    const local = room.urlAt('127.0.0.1');
    if (flags.peers > 0) terminal.progress(`starting ${flags.peers} local peers`);
    const peers =
      flags.peers > 0
        ? await startPeerProcesses({
            url: local,
            count: flags.peers,
            engine: flags.engine,
            onExit: (name, code) => {
              if (!stopping) terminal.note(`${name} ended unexpectedly (code ${code})`);
            },
          })
        : [];
    terminal.endProgress();
    try {
      const demo = flags.demo && peers.length > 0 ? await runDemo(terminal, room, peers.length) : undefined;
      await mdns?.ready;
      const served = servedLinks(room, reachable(), https, mdns?.name);
      const modelLinks = (models ?? []).map(
        ({ path }) => new URL(`/models/${path}`, served.links[0] ?? local).href,
      );
      terminal.say(describeLinks(room, served, peers.length));
      if (models) terminal.say(describeModels(flags.models!, modelLinks));
      terminal.result({
        port: room.port,
        ...served,
        local,
        peers: peers.map(({ name, pid, id }) => ({ name, pid, id })),
        ...(models ? { models: modelLinks } : {}),
        demo,
      });
      await stopped;
      terminal.note('stopping');
    } finally {
      stopping = true;
      await Promise.all(peers.map((peer) => peer.stop()));
    }
  } finally {
    stopWatching?.();
    await room.server.close();
  }
}

async function readKeptRoom({ roomFile, roomName }: ServeFlags): Promise<RoomLink | undefined> {
  const kept = roomFile === undefined ? undefined : await readRoomFile(roomFile);
  if (kept && roomName !== undefined && roomName !== kept.room)
    throw usage(`--room-name: the room in ${roomFile} is called '${kept.room}'; leave one of the two out`);
  return kept;
}

/** Throws `USAGE` for a folder that is none: an empty list would leave people wondering. */
async function servedModels(dir: string): Promise<ListedModel[]> {
  const found = await stat(dir).catch(() => undefined);
  if (!found?.isDirectory()) throw usage(`--models: there is no folder '${dir}'`);
  return listModels(dir);
}

function describeModels(dir: string, links: readonly string[]): string {
  if (links.length === 0)
    return `No models in ${dir} yet: peerceptron import <model> -o ${join(dir, '<name>')}`;
  return links.map((link) => `models: ${pc.cyan(link)}`).join('\n');
}

/** The main job, on the pictures that come with the bundled model. */
async function runDemo(terminal: Terminal, room: LocalRoom, peerCount: number): Promise<unknown> {
  const model = await loadModelByName('digits', {});
  const samples = join(bundledModelDir('digits'), 'samples');
  const names = (await readdir(samples)).filter((name) => name.endsWith('.png')).sort();
  const pictures = names.map((name) => join(samples, name));
  const joined = await joinNodeMesh({ link: room.link, name: 'demo' });
  const { engine } = await startEngine('auto');
  try {
    const peers = await gatherPeers(joined.mesh, { count: peerCount, timeoutMs: 30_000 });
    const spread = await spreadModel({
      joined,
      model,
      peers,
      objective: { kind: 'throughput' },
      onEvent: showSpreading(terminal, peers),
    });
    terminal.endProgress();
    terminal.say(
      pc.bold(
        `\n${pictures.length} pictures through '${model.graph.name}', spread over ${peers.length} peers by WebRTC:\n`,
      ),
    );
    const { results, work, verify } = await runFrames({
      terminal,
      spread,
      model,
      frames: pictureFrames(model.graph, pictures),
      topCount: 3,
      verifyWith: engine,
    });
    await spread.session.close();
    return {
      results: results.map(({ frame, ...result }) => ({ ...result, tiles: frame.tiles })),
      peers: work,
      verify,
    };
  } finally {
    await joined.mesh.leave();
    await engine.dispose();
  }
}
