import { Option, type Command } from 'commander';
import pc from 'picocolors';
import type { Engine } from '../../src/engine/engine.ts';
import type { Objective } from '../../src/planner/choice.ts';
import { DEFAULT_SEED, type LoadedModel } from '../../src/import/load-model.ts';
import { CODECS, type Codec } from '../../src/planner/codec.ts';
import { PREPROCESSING } from '../../src/models/image-encoding.ts';
import { median } from '../../src/shared/median.ts';
import { isVerified } from '../classify.ts';
import { describeLive, playLive, showLive, type LiveFlags } from '../live.ts';
import {
  describeDownload,
  describeSources,
  describeWork,
  runFrames,
  showSpreading,
  weightSources,
} from '../report.ts';
import { openLocalRoom } from '../local-room.ts';
import { pictureFrames, randomFrames, type NamedFrame } from '../frames.ts';
import {
  describeWeights,
  loadModelByName,
  MIRROR_HELP,
  MODEL_HELP,
  openThroughCache,
  randomWeightsNotice,
  repeated,
  setAsideNotice,
  WEIGHTS_HELP,
} from '../model-files.ts';
import { addCacheFlags, openWeightCache, type CacheFlags } from '../weight-cache.ts';
import { engineOption, parseEngineName, startEngine } from '../node-engine.ts';
import { joinNodeMesh, type JoinedNode } from '../node-mesh.ts';
import { startPeerProcesses } from '../peer-processes.ts';
import { findPictures } from '../pictures.ts';
import { gatherPeers, parseRoomFlag } from '../room-peers.ts';
import { readPlanFile } from '../planning/read-plan-file.ts';
import { peerWork, spreadModel, type SpreadModel } from '../spread-model.ts';
import { openTraceFile, type TraceFile } from '../trace-file.ts';
import { reportTrace } from '../trace-report.ts';
import { EXIT, createTerminal, usage, type Terminal } from '../terminal.ts';
import { parseCount, parsePositive, parseSeed, parseShape, parseWindow } from '../flags.ts';

interface InferFlags extends CacheFlags, LiveFlags {
  readonly model: string;
  readonly weights?: string;
  readonly mirror?: readonly string[];
  readonly seed?: number;
  readonly inputShape?: readonly number[];
  readonly randomInput?: number | true;
  readonly room?: string;
  readonly peers?: number;
  readonly plan?: string;
  readonly objective?: 'latency' | 'throughput';
  readonly latencyBound?: number;
  readonly codec?: Codec;
  readonly window?: number;
  readonly preprocess?: string;
  readonly labels?: string;
  readonly top: number;
  readonly engine: string;
  readonly verify?: boolean;
  readonly trace?: string;
  readonly json?: boolean;
  readonly timeout: number;
}

export function addInferCommand(program: Command): void {
  const command = program
    .command('infer')
    .description('run pictures through a network that is spread over peers')
    .argument('[input...]', 'pictures, or folders of pictures')
    .requiredOption('--model <model>', MODEL_HELP)
    .option('--random-input [n]', 'random input, once or n times, instead of pictures', parseCount)
    .option('--weights <file>', WEIGHTS_HELP)
    .option('--mirror <place>', MIRROR_HELP, repeated)
    .option('--input-shape <shape>', 'for models that work at any size, as 224x224x3', parseShape)
    .option('--seed <n>', 'of random weights and random input (default: 1)', parseSeed)
    .option('--peers <n>', 'start n local peers; with --room: wait for n peers there', parseCount)
    .option('--room <url>', 'use the peers of this room (its link; or "env" for PEERCEPTRON_URL)')
    .option(
      '--plan <file>',
      'plan as JSON; tiles name peers by number, from 0 (default: the planner decides)',
    )
    .addOption(
      new Option(
        '--objective <what>',
        'what the planner aims at: the lowest latency, or the highest rate (default: latency for one input and with --live, else throughput)',
      ).choices(['latency', 'throughput']),
    )
    .option('--latency-bound <ms>', 'with --objective throughput: no frame may take longer', parsePositive)
    .addOption(
      new Option(
        '--codec <codec>',
        'how far activations may be rounded on their way between peers: f32 not at all, f16 to half their bytes, u8 to a quarter; with --plan, how they travel where it says nothing (default: f32)',
      ).choices([...CODECS]),
    )
    .option(
      '--window <n>',
      'frames in flight at once (default: what keeps every stage of the plan busy)',
      parseWindow,
    )
    .addOption(
      new Option('--preprocess <kind>', 'how pixels become inputs (default: by model)').choices([
        ...PREPROCESSING,
      ]),
    )
    .option('--labels <file>', 'class names: a JSON array, or one per line')
    .option('--top <n>', 'predictions shown', parseCount, 5)
    .addOption(engineOption('engine of local peers and of --verify').env('PEERCEPTRON_ENGINE'))
    .option(
      '--live',
      'play the inputs like a camera: what the mesh cannot keep up with is dropped, not queued',
    )
    .option('--fps <n>', 'with --live: frames per second', parsePositive, 30)
    .option(
      '--max-age <ms>',
      'with --live: a frame that has waited for longer is not started',
      parseCount,
      1000,
    )
    .option('--seconds <n>', 'with --live: repeat the inputs for so long, instead of once', parsePositive)
    .option(
      '--verify',
      'compare every output with the unsplit model; exit code 1 when they differ (with a lossy codec: when the first answer does)',
    )
    .option(
      '--trace <file>',
      'write what every device did when, for ui.perfetto.dev, and say what the bottleneck is',
    )
    .option('--timeout <seconds>', 'how long to wait for peers', parseCount, 30)
    .option('--json', 'print one JSON document')
    .action(async (inputs: string[], flags: InferFlags) => {
      process.exitCode = await infer(inputs, flags);
    });
  addCacheFlags(command);
}

async function infer(inputs: readonly string[], flags: InferFlags): Promise<number> {
  const terminal = createTerminal(flags.json ?? false);
  if (inputs.length > 0 === (flags.randomInput !== undefined)) {
    throw usage('what to compute? Give pictures, or --random-input');
  }
  if (flags.live && flags.verify) {
    throw usage(
      '--verify computes every frame a second time, --live drops what is late: leave one of them out',
    );
  }
  const pictures = await findPictures(inputs);
  const { preprocess, labels, weights, seed, inputShape } = flags;
  const cache = await openWeightCache(flags, (sentence) => terminal.note(sentence));
  const readFrom = { cacheBytes: 0, originBytes: 0 };
  const open = openThroughCache(cache.blocks, readFrom);
  const model = await loadModelByName(flags.model, {
    preprocess,
    labels,
    weights,
    seed,
    inputShape,
    open,
    mirrors: flags.mirror,
    onSetAside: (source, reason) => terminal.note(setAsideNotice(source, reason)),
  });
  if (model.seeded) terminal.say(pc.yellow(randomWeightsNotice(model.seeded.seed)));
  const frames =
    flags.randomInput === undefined
      ? pictureFrames(model.graph, pictures)
      : randomFrames(model.graph, seed ?? DEFAULT_SEED, flags.randomInput === true ? 1 : flags.randomInput);
  const planFile = flags.plan === undefined ? undefined : await readPlanFile(flags.plan);

  const cleanup: (() => Promise<unknown>)[] = [];
  const interrupted = (): void => {
    void finish(cleanup).then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const traceFile = flags.trace === undefined ? undefined : await openTraceFile(flags.trace);
    if (traceFile) cleanup.push(() => traceFile.discard());
    const joined = await enterRoom(flags, terminal, cleanup);
    const peers = await gatherPeers(joined.mesh, {
      ...(flags.peers === undefined ? {} : { count: flags.peers }),
      timeoutMs: flags.timeout * 1000,
    });
    const spread = await spreadModel({
      joined,
      model,
      peers,
      ...(planFile === undefined ? {} : { planFile }),
      sweepBytes: cache.sweepBytes,
      codec: flags.codec,
      window: flags.window,
      ...(traceFile ? { trace: true } : {}),
      objective: inferObjective(flags, frames.length),
      engine: flags.engine,
      onEvent: showSpreading(terminal, peers),
    });
    cleanup.push(() => spread.session.close());
    terminal.endProgress();
    if (flags.live) {
      await runLive({ terminal, spread, model, frames, flags, traceFile });
      return EXIT.ok;
    }
    let verifyWith: Engine | undefined;
    if (flags.verify) {
      verifyWith = (await startEngine(parseEngineName(flags.engine))).engine;
      const engine = verifyWith;
      cleanup.push(() => engine.dispose());
    }
    const { results, work, verify, expected } = await runFrames({
      terminal,
      spread,
      model,
      frames,
      topCount: flags.top,
      ...(verifyWith ? { verifyWith } : {}),
    });
    const trace = traceFile && (await reportTrace(terminal, spread, traceFile));
    const latencyMs = median(results.map((result) => result.latencyMs));
    const single = results.length === 1 ? results[0] : undefined;
    const sources = weightSources(spread);
    if (sources) terminal.say(describeSources(sources));
    const downloaded = describeDownload(readFrom);
    if (downloaded) terminal.say(downloaded);
    terminal.result({
      model: model.graph.name,
      weights: describeWeights(model),
      ...(sources ? { weightSources: sources } : {}),
      download: readFrom,
      ...(single ? { input: single.input, top: single.top } : {}),
      latencyMs,
      window: spread.session.window,
      traffic: results.at(-1)?.traffic ?? [],
      ...(verify ? { verify } : {}),
      ...(expected ? { expected } : {}),
      ...(trace ? { trace } : {}),
      plan: spread.session.plan,
      peers: work,
      results: results.map(({ frame, ...result }) => ({ ...result, tiles: frame.tiles })),
    });
    return !verify || isVerified(verify) ? EXIT.ok : EXIT.failed;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    terminal.endProgress();
    await finish(cleanup);
  }
}

/** A stream of files is to be done soon, a single picture or a camera's frame at once. */
function inferObjective({ objective, latencyBound, live }: InferFlags, frames: number): Objective {
  const kind = objective ?? (live || frames === 1 ? 'latency' : 'throughput');
  if (latencyBound !== undefined && kind !== 'throughput') {
    throw usage('--latency-bound goes with --objective throughput');
  }
  if (kind === 'latency') return { kind };
  return { kind, ...(latencyBound === undefined ? {} : { latencyBoundMs: latencyBound }) };
}

async function runLive(options: {
  readonly terminal: Terminal;
  readonly spread: SpreadModel;
  readonly model: LoadedModel;
  readonly frames: readonly NamedFrame[];
  readonly flags: InferFlags;
  readonly traceFile: TraceFile | undefined;
}): Promise<void> {
  const { terminal, spread, model, frames, flags, traceFile } = options;
  const { session } = spread;
  const { results, report } = await playLive({
    session,
    model,
    frames,
    topCount: flags.top,
    fps: flags.fps,
    maxAgeMs: flags.maxAge,
    seconds: flags.seconds,
    onResult: showLive(terminal),
    onFailure: (error) => terminal.note(`a frame failed: ${error.code}: ${error.message}`),
  });
  terminal.endProgress();
  terminal.say(describeLive(report, session.window));
  const work = peerWork(
    spread,
    model.graph.nodes,
    results.map(({ frame }) => frame),
  );
  terminal.say(`\n${describeWork(work, model.graph.nodes.length)}`);
  const trace = traceFile && (await reportTrace(terminal, spread, traceFile));
  terminal.result({
    model: model.graph.name,
    weights: describeWeights(model),
    window: session.window,
    live: report,
    ...(trace ? { trace } : {}),
    plan: session.plan,
    peers: work,
    results: results.map(({ frame, ...result }) => ({
      ...result,
      latencyMs: frame.latencyMs,
      tiles: frame.tiles,
    })),
  });
}

/** Undoes in reverse order; one failure does not keep the others. */
async function finish(cleanup: (() => Promise<unknown>)[]): Promise<void> {
  for (const undo of cleanup.splice(0).reverse()) await undo().catch(() => undefined);
}

async function enterRoom(
  flags: InferFlags,
  terminal: Terminal,
  cleanup: (() => Promise<unknown>)[],
): Promise<JoinedNode> {
  let link;
  if (flags.room) {
    link = parseRoomFlag(flags.room);
  } else {
    if (!flags.peers) throw usage('where to compute? Give --peers <n> for local peers, or --room <url>');
    const room = await openLocalRoom({ port: 0, host: '127.0.0.1', room: 'local' });
    cleanup.push(() => room.server.close());
    link = room.link;
    terminal.progress(`starting ${flags.peers} peers`);
    const processes = await startPeerProcesses({
      url: room.urlAt('127.0.0.1'),
      count: flags.peers,
      engine: flags.engine,
      cache: () => flags,
      // Whoever names the model here is the operator of these peers.
      allowOrigins: /^https?:\/\//i.test(flags.model) ? [flags.model] : [],
      onExit: (name, code) => terminal.note(`${name} ended unexpectedly (code ${code})`),
    });
    cleanup.push(() => Promise.all(processes.map((peer) => peer.stop())));
  }
  const joined = await joinNodeMesh({ link, name: 'infer' });
  cleanup.push(() => joined.mesh.leave());
  return joined;
}
