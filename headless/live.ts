import { basename } from 'node:path';
import type { LoadedModel } from '../src/import/load-model.ts';
import { systemClock } from '../src/mesh/system-clock.ts';
import type { FrameInput } from '../src/runtime/frame-input.ts';
import { LiveFrames, type LiveCounts } from '../src/runtime/frame-stream.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { Session } from '../src/runtime/session.ts';
import { topPredictions, type Prediction } from '../src/runtime/whole-model.ts';
import type { PeerceptronError } from '../src/shared/errors.ts';
import type { NamedFrame } from './frames.ts';
import { formatMs, type Terminal } from './terminal.ts';

export interface LiveFlags {
  readonly live?: boolean;
  readonly fps: number;
  readonly maxAge: number;
  readonly seconds?: number;
}

export interface LiveResult {
  readonly input: string;
  /** Which of the offered frames, from 0. */
  readonly offered: number;
  readonly top: readonly Prediction[];
  /** From the moment the camera had the frame to its result here: waiting, decoding and encoding included. */
  readonly endToEndMs: number;
  readonly frame: FrameResult;
}

export interface LiveReport extends LiveCounts {
  /** From the first offer to the last result. */
  readonly seconds: number;
  readonly offeredPerSecond: number;
  /** Inferences per second: results over that time. */
  readonly ips: number;
  readonly endToEndMs: { readonly p50: number; readonly p95: number } | null;
}

/** Decoded pictures that are kept, so that a film that repeats does not decode them again. */
const KEPT_PICTURES = 64;

/**
 * Plays frames like a camera: one every 1/fps seconds, whether the mesh keeps up or not; once through, or over and over for
 * `seconds`. Rejects with the error that ended the session, if one did.
 */
export async function playLive(options: {
  readonly session: Session;
  readonly model: LoadedModel;
  readonly frames: readonly NamedFrame[];
  readonly topCount: number;
  readonly fps: number;
  readonly maxAgeMs: number;
  readonly seconds?: number | undefined;
  readonly onResult: (result: LiveResult, counts: LiveCounts) => void;
  readonly onFailure: (error: PeerceptronError) => void;
}): Promise<{ results: LiveResult[]; report: LiveReport }> {
  const { session, model, frames, topCount, fps, maxAgeMs, seconds, onResult, onFailure } = options;
  const results: LiveResult[] = [];
  const kept = new Map<NamedFrame, Promise<FrameInput[]>>();
  const encode = (frame: NamedFrame): Promise<FrameInput[]> => {
    const known = kept.get(frame);
    if (known) return known;
    const inputs = frame.inputs();
    if (frames.length <= KEPT_PICTURES) kept.set(frame, inputs);
    return inputs;
  };
  let lastResultMs = 0;
  let fatal: PeerceptronError | undefined;
  const live = new LiveFrames<{ readonly named: NamedFrame; readonly offered: number }>({
    session,
    clock: systemClock,
    maxAgeMs,
    encode: ({ named }) => encode(named),
    onResult: ({ frame: { named, offered }, result, ageMs }) => {
      lastResultMs = systemClock.now();
      const top = topPredictions(result.outputs[0]!, topCount, model.graph.labels);
      const shown = { input: named.name, offered, top, endToEndMs: ageMs, frame: result };
      results.push(shown);
      onResult(shown, live.counts);
    },
    onFailure: (_frame, error) => {
      // One frame may fail; a lost peer, a closed session or an input that cannot be read ends the film.
      if (error.code === 'FRAME_FAILED' || error.code === 'FRAME_TIMEOUT') onFailure(error);
      else fatal ??= error;
    },
  });
  const startMs = systemClock.now();
  const total = seconds === undefined ? frames.length : Math.max(1, Math.round(seconds * fps));
  for (let offered = 0; offered < total && !fatal; offered += 1) {
    // From the start, not from the last frame: a late timer delays one frame, not all that follow.
    const waitMs = startMs + (offered * 1000) / fps - systemClock.now();
    if (waitMs > 0) await new Promise<void>((resolve) => systemClock.after(waitMs, resolve));
    live.offer({ named: frames[offered % frames.length]!, offered });
  }
  const offeredMs = systemClock.now() - startMs + 1000 / fps;
  await live.finish();
  if (fatal) throw fatal;
  const elapsed = Math.max(offeredMs, lastResultMs - startMs) / 1000;
  const ages = results.map(({ endToEndMs }) => endToEndMs).sort((a, b) => a - b);
  const counts = live.counts;
  return {
    results,
    report: {
      ...counts,
      seconds: elapsed,
      offeredPerSecond: (counts.offered / offeredMs) * 1000,
      ips: counts.computed / elapsed,
      endToEndMs: ages.length > 0 ? { p50: percentile(ages, 0.5), p95: percentile(ages, 0.95) } : null,
    },
  };
}

/** Nearest rank, of values in ascending order. */
const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]!;

/** A line that changes while the film runs. */
export function showLive(terminal: Terminal): (result: LiveResult, counts: LiveCounts) => void {
  return ({ input, top: [best], endToEndMs }, { offered, computed, dropped }) => {
    const name = best?.label ?? `class ${best?.index ?? '?'}`;
    const percent = `${((best?.score ?? 0) * 100).toFixed(1)} %`;
    terminal.progress(
      `${basename(input)}  ${name} ${percent}  ${formatMs(endToEndMs)} behind  ${computed} of ${offered} computed, ${dropped} dropped`,
    );
  };
}

export function describeLive(report: LiveReport, window: number): string {
  const { offered, computed, dropped, failed, seconds, offeredPerSecond, ips, endToEndMs } = report;
  const lines = [
    `Live for ${seconds.toFixed(1)} s, up to ${window} frames in flight:`,
    `  ${offered} frames offered (${offeredPerSecond.toFixed(1)} per second), ${computed} computed, ${dropped} dropped` +
      (failed > 0 ? `, ${failed} failed` : ''),
    `  ${ips.toFixed(1)} inferences per second`,
  ];
  if (endToEndMs) {
    const { p50, p95 } = endToEndMs;
    lines.push(`  ${formatMs(p50)} from camera to result (p50), ${formatMs(p95)} (p95)`);
  }
  return lines.join('\n');
}
