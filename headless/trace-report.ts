import pc from 'picocolors';
import { summarizeTrace, type TraceSummary } from '../src/runtime/trace/summary.ts';
import type { Trace } from '../src/runtime/trace/trace.ts';
import type { PathStage } from '../src/runtime/trace/critical-path.ts';
import type { PeerId } from '../src/shared/ids.ts';
import { median } from '../src/shared/median.ts';
import { deviceNames } from './room-peers.ts';
import type { SpreadModel } from './spread-model.ts';
import { formatBytes, formatMs, table, type Terminal } from './terminal.ts';
import type { TraceFile } from './trace-file.ts';

/** Collects the session's trace, writes it, and tells a person what it says. */
export async function reportTrace(
  terminal: Terminal,
  spread: SpreadModel,
  file: TraceFile,
): Promise<unknown> {
  const nameOf = deviceNames(spread.peers);
  const trace = await spread.session.trace();
  await file.write(trace, nameOf);
  const summary = summarizeTrace(trace, nameOf);
  terminal.say(`\n${describeTrace(trace, summary, nameOf)}`);
  terminal.say(
    pc.dim(
      `Trace of ${trace.spans.length} spans in ${file.path}: open it at ui.perfetto.dev or chrome://tracing.`,
    ),
  );
  const clocks = new Map(trace.devices.map((device) => [device.peer, device]));
  return {
    file: file.path,
    spans: trace.spans.length,
    ...summary,
    devices: summary.devices.map((device) => ({
      name: nameOf(device.peer),
      ...device,
      clockErrorMs: clocks.get(device.peer)?.clockErrorMs ?? 0,
      lostSpans: clocks.get(device.peer)?.lostSpans ?? trace.lostSpans,
    })),
    links: summary.links.map(({ from, to, ...link }) => ({ from: nameOf(from), to: nameOf(to), ...link })),
  };
}

const STAGES: readonly PathStage[] = ['encode', 'transfer', 'assemble', 'queue', 'compute', 'unknown'];

export function describeTrace(trace: Trace, summary: TraceSummary, nameOf: (peer: PeerId) => string): string {
  const { frames, devices, links, bottleneck, framesPerSecond, concurrency } = summary;
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const clocks = new Map(trace.devices.map(({ peer, clockErrorMs }) => [peer, clockErrorMs]));
  const lost = trace.lostSpans + trace.devices.reduce((sum, { lostSpans }) => sum + lostSpans, 0);
  const parts = STAGES.flatMap((stage) => {
    const ms = mean(frames.map(({ stagesMs }) => stagesMs[stage] ?? 0));
    return ms > 0 ? [`${stage} ${formatMs(ms)}`] : [];
  });
  return [
    table(
      ['device', 'computes', 'compute', 'queue', 'receive', 'send', 'copying', 'clock'],
      devices.map((device) => [
        nameOf(device.peer),
        percent(device.busy),
        formatMs(device.computeMs),
        formatMs(device.queueMs),
        formatMs(device.receiveMs),
        formatMs(device.sendMs),
        formatMs(device.handlingMs),
        clocks.has(device.peer) ? `± ${formatMs(clocks.get(device.peer)!)}` : '',
      ]),
    ),
    '',
    table(
      ['link', 'pieces', 'bytes', 'busy', 'goodput'],
      links.map(({ from, to, pieces, sizeBytes, busy, goodput }) => [
        `${nameOf(from)} → ${nameOf(to)}`,
        String(pieces),
        formatBytes(sizeBytes),
        percent(busy),
        `${formatBytes(Math.round(goodput))}/s`,
      ]),
    ),
    '',
    `${frames.length} frames, ${framesPerSecond.toFixed(1)} per second, ${concurrency.toFixed(1)} in flight. ` +
      (frames.length > 0
        ? `Latency ${formatMs(median(frames.map(({ latencyMs }) => latencyMs)))} in the median; on its critical path, on average: ${parts.join(', ')}.`
        : ''),
    pc.bold(bottleneck.sentence),
    ...(lost > 0 ? [pc.yellow(`${lost} spans are missing; the figures are of what is there.`)] : []),
  ].join('\n');
}
