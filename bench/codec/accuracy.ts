import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { classifyPictures, worstComparison } from '../../headless/classify.ts';
import { openLocalRoom } from '../../headless/local-room.ts';
import { loadModelByName } from '../../headless/model-files.ts';
import { joinNodeMesh } from '../../headless/node-mesh.ts';
import { startPeerProcesses } from '../../headless/peer-processes.ts';
import { gatherPeers } from '../../headless/room-peers.ts';
import { pipelinePlan } from '../../src/planner/pipeline-plan.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { spreadModel } from '../../headless/spread-model.ts';
import { createTfjsEngine } from '../../src/engine/tfjs.ts';
import { CODECS } from '../../src/planner/codec.ts';
import type { BenchmarkContext, Row } from '../benchmark.ts';

const PEERS = 3;
const PICTURE = /\.(jpe?g|png|webp)$/i;

/** MobileNet (0.25, ImageNet) as a pipeline of three peer processes, over the real pictures, against the unsplit model. */
export async function accuracyRows({ say, quick }: BenchmarkContext): Promise<Row[]> {
  const folder = process.env['PEERCEPTRON_REALDATA'] ?? join(process.cwd(), '../shared/realdata');
  const file = join(folder, 'tfjs-layers-mobilenet-v1-025/mobilenet_model.json');
  if (!existsSync(file)) {
    say(`skipped: no trained MobileNet and pictures in ${folder}; PEERCEPTRON_REALDATA names the folder`);
    return [];
  }
  const all = readdirSync(join(folder, 'images'), { recursive: true, encoding: 'utf8' })
    .filter((name) => PICTURE.test(name))
    .sort()
    .map((name) => join(folder, 'images', name));
  const pictures = quick ? all.slice(0, 4) : all;
  const model = await loadModelByName(file, {});
  const room = await openLocalRoom({ port: 0, host: '127.0.0.1' });
  const processes = await startPeerProcesses({
    url: room.urlAt('127.0.0.1'),
    count: PEERS,
    engine: 'wasm',
    program: join(process.cwd(), 'dist/node/cli.js'),
  });
  const joined = await joinNodeMesh({ link: room.link, name: 'requester' });
  const engine = await createTfjsEngine({ backend: 'wasm' });
  try {
    const peers = await gatherPeers(joined.mesh, { count: PEERS, timeoutMs: 30_000 });
    const rows: Row[] = [];
    // One after the other, so that something crosses every cut.
    const stages = { graph: model.graph, session: asSessionId('0'.repeat(32)), epoch: 0 };
    const planFile = {
      segments: pipelinePlan({ ...stages, peers: peers.map(({ id }) => ({ id, speed: 1 })) }).segments,
    };
    for (const codec of CODECS) {
      say(`MobileNet over ${PEERS} peers, ${pictures.length} pictures, ${codec}`);
      const { session } = await spreadModel({ joined, model, peers, planFile, codec });
      const results = await classifyPictures({ session, model, pictures, topCount: 1, verifyWith: engine });
      await session.close();
      const { top1Agreement, maxAbsDiff, maxAbs } = worstComparison(results)!;
      const bytes = results[0]!.traffic.reduce((sum, entry) => sum + entry.bytes, 0);
      const of = `MobileNet, ${pictures.length} pictures, ${codec}`;
      rows.push(
        { name: `${of}: sent over links per frame`, value: bytes / 1e3, unit: 'kB', goal: null },
        { name: `${of}: same first answer`, value: top1Agreement, unit: 'of 1', goal: codec === 'u8' ? null : { atLeast: 1 } }, // prettier-ignore
        { name: `${of}: largest |Δ| of an output`, value: maxAbsDiff, unit: '', goal: codec === 'f32' ? { atMost: Number((1e-4 * maxAbs).toPrecision(2)) } : null }, // prettier-ignore
      );
    }
    return rows;
  } finally {
    await engine.dispose();
    await joined.mesh.leave();
    await Promise.all(processes.map((peer) => peer.stop()));
    await room.server.close();
  }
}
