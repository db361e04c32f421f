import pc from 'picocolors';
import type { MeshEvent } from '../../src/mesh/mesh.ts';
import type { ServeEvent } from '../../src/runtime/serve-peer.ts';
import { unreachable } from '../../src/shared/errors.ts';
import { shortId } from '../../src/shared/ids.ts';
import { formatBytes, formatMs, type Terminal } from '../terminal.ts';
import type { PeerEvent } from './events.ts';

/** Tells a person at a terminal what happens. */
export function narrate(terminal: Terminal, event: PeerEvent): void {
  switch (event.type) {
    case 'engine':
      for (const reason of event.refused) terminal.note(`engine refused: ${reason}`);
      terminal.say(
        `Engine: ${pc.bold(event.engine)}, checked against the reference${compared(event.timesMs)}.`,
      );
      return;
    case 'waiting':
      terminal.note(
        `${event.error.code}: ${event.error.message} Trying again in ${inSeconds(event.retryInMs)}; Ctrl-C ends this.`,
      );
      return;
    case 'joined':
      terminal.say(
        `Joined room ${pc.bold(event.room)} as ${shortId(event.id)}, offering ${formatBytes(event.memoryBytes)}${partOf(event.share)}. Ctrl-C leaves.`,
      );
      return;
    case 'profile':
      if (event.measured) terminal.note('measured how fast this device computes; kept for the next time');
      return;
    case 'mesh':
      narrateMesh(terminal, event.event);
      return;
    case 'serve':
      narrateServe(terminal, event.event);
      return;
    case 'share':
      return;
    case 'monitor':
      terminal.note(`health and metrics: ${event.url}healthz, ${event.url}metrics`);
      return;
    case 'engine-lost':
      terminal.note(
        `${event.error.code}: ${event.error.message}. Another engine starts in ${inSeconds(event.retryInMs)}.`,
      );
      return;
    case 'notice':
      terminal.note(event.text);
      return;
    case 'leaving':
      terminal.note('leaving as soon as the others can do without this device; Ctrl-C again leaves at once');
      return;
    case 'left':
      terminal.say('Left the room.');
      return;
    default:
      unreachable(event);
  }
}

const compared = (timesMs: Readonly<Record<string, number>> = {}): string =>
  Object.keys(timesMs).length === 0
    ? ''
    : ` (${Object.entries(timesMs)
        .map(([name, ms]) => `${name} ${formatMs(ms)}`)
        .join(', ')} for the same tile)`;

const inSeconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1000))} s`;

const partOf = (share: number): string =>
  share < 1 ? ` and ${Math.round(share * 100)} % of a processor` : '';

function narrateMesh(terminal: Terminal, event: MeshEvent): void {
  if (event.type === 'signaling' && event.state === 'lost') {
    terminal.note(`signaling lost, trying again: ${event.error?.message ?? ''}`);
  } else if (event.type === 'member' && event.member.state === 'connected') {
    const { capabilities, id, reconnecting } = event.member;
    const what = reconnecting ? 'lost the connection, reconnecting to' : 'connected to';
    terminal.note(`${what} ${capabilities.name} (${shortId(id)})`);
  } else if (event.type === 'member' && event.member.state === 'failed') {
    terminal.note(`${shortId(event.member.id)}: ${event.member.error.message}`);
  }
}

function narrateServe(terminal: Terminal, event: ServeEvent): void {
  switch (event.type) {
    case 'session-loading':
      terminal.bars([
        {
          label: event.model,
          done: event.loadedBytes,
          total: event.totalBytes,
          format: formatBytes,
          ...(event.loadedBytes >= event.totalBytes ? { state: 'warming up' } : {}),
        },
      ]);
      return;
    case 'session-ready': {
      terminal.endProgress();
      const parts = event.tiles.map(
        ({ ops, firstOp, lastOp }) => `ops ${ops[0]}–${ops[1] - 1} (${firstOp} … ${lastOp})`,
      );
      const random = event.seed === undefined ? '' : `, random weights (seed ${event.seed})`;
      terminal.say(
        `${event.model}${random}: computing ${parts.join(', ') || 'nothing'} of ${event.opCount} ops`,
      );
      return;
    }
    case 'source-set-aside':
      terminal.note(`weights: ${event.source} is given up: ${event.error.code}: ${event.error.message}`);
      return;
    case 'session-refused':
      terminal.endProgress();
      terminal.note(`session refused: ${event.error.message}`);
      return;
    case 'session-ended':
      terminal.endProgress();
      terminal.note(`session ${shortId(event.session)} ended`);
      return;
    case 'tile-done':
      terminal.progress(`frame ${event.frame}: ${formatMs(event.computeMs)}`);
      return;
    case 'tile-failed':
      terminal.note(`tile failed: ${event.error.code}: ${event.error.message}`);
  }
}
