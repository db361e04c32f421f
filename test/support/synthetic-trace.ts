import type { Trace, TraceSpan } from '../../src/runtime/trace/trace.ts';
import { peerIdOf } from './memory-network.ts';

export interface SyntheticPipeline {
  /** Engine time per frame of each stage; stage i runs on peer i + 1. */
  readonly computeMs: readonly number[];
  /** Time on the link into each stage, and on the last one back to the requester: one more than stages. */
  readonly transferMs: readonly number[];
  readonly frames: number;
  readonly window: number;
  readonly sizeBytes?: number;
}

const HANDLING_MS = 0.01;

/** The spans of a pipeline whose engines and links each do one thing at a time, oldest frame first: known by construction. */
export function syntheticTrace({
  computeMs,
  transferMs,
  frames,
  window,
  sizeBytes = 1000,
}: SyntheticPipeline): Trace {
  const requester = peerIdOf(0);
  const stages = computeMs.length;
  const peerAt = (stage: number) => (stage < 0 || stage >= stages ? requester : peerIdOf(stage + 1));
  const spans: TraceSpan[] = [];
  const engineFree = computeMs.map(() => 0);
  const linkFree = transferMs.map(() => 0);
  const done: number[] = [];
  for (let frame = 0; frame < frames; frame += 1) {
    const startMs = frame < window ? 0 : done[frame - window]!;
    spans.push({ stage: 'admit', device: requester, frame, startMs: 0, endMs: startMs });
    let now = startMs;
    for (let stage = 0; stage <= stages; stage += 1) {
      const [from, to] = [peerAt(stage - 1), peerAt(stage)];
      const piece = {
        frame,
        from,
        to,
        producer: { segment: stage - 1, tile: 0 },
        segment: stage,
        tile: 0,
        input: 0,
        piece: 0,
      };
      const sentMs = now + HANDLING_MS;
      spans.push({ ...piece, stage: 'encode', device: from, startMs: now, endMs: sentMs, sizeBytes: 0 });
      const beginMs = Math.max(sentMs, linkFree[stage]!);
      const arrivedMs = beginMs + transferMs[stage]!;
      linkFree[stage] = arrivedMs;
      spans.push({ ...piece, stage: 'send', device: from, startMs: sentMs, endMs: beginMs, sizeBytes });
      spans.push({ ...piece, stage: 'receive', device: to, startMs: beginMs, endMs: arrivedMs, sizeBytes });
      now = arrivedMs + HANDLING_MS;
      spans.push({ ...piece, stage: 'assemble', device: to, startMs: arrivedMs, endMs: now, sizeBytes: 0 });
      if (stage === stages) break;
      const tile = { device: to, frame, segment: stage, lane: 0, tile: 0 };
      spans.push({ ...tile, stage: 'wait', startMs: beginMs, endMs: now });
      const computeStartMs = Math.max(now, engineFree[stage]!);
      spans.push({ ...tile, stage: 'queue', startMs: now, endMs: computeStartMs });
      now = computeStartMs + computeMs[stage]!;
      engineFree[stage] = now;
      spans.push({ ...tile, stage: 'compute', startMs: computeStartMs, endMs: now });
    }
    done[frame] = now;
    spans.push({ stage: 'frame', device: requester, frame, startMs, endMs: now });
  }
  return {
    model: 'synthetic',
    requester,
    lostSpans: 0,
    devices: computeMs.map((_, stage) => ({
      peer: peerAt(stage),
      clockOffsetMs: 0,
      clockErrorMs: 0,
      lostSpans: 0,
    })),
    tiles: computeMs.map((_, stage) => ({
      peer: peerAt(stage),
      segment: stage,
      lane: 0,
      tile: 0,
      ops: [stage * 2, stage * 2 + 2],
      firstOp: `first${stage}`,
      lastOp: `last${stage}`,
      outputs: [
        {
          tensor: `last${stage}`,
          box: [
            [0, 4],
            [0, 8],
          ],
        },
      ],
    })),
    spans: spans.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs),
  };
}
