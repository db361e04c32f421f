import type { MeshEvent } from '../../src/mesh/mesh.ts';
import type { ServeEvent } from '../../src/runtime/serve-peer.ts';
import { unreachable, type PeerceptronError } from '../../src/shared/errors.ts';
import { shortId } from '../../src/shared/ids.ts';
import type { PeerEvent } from './events.ts';
import type { LogRecord } from './log.ts';

const failure = ({ code, message }: PeerceptronError): LogRecord['fields'] => ({ code, message });
const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** What stands in the log of an event: field by field, so that nothing gets there by itself. Undefined for what is not worth a line. */
export function logRecordOf(event: PeerEvent): LogRecord | undefined {
  switch (event.type) {
    case 'engine':
      return {
        level: 'info',
        event: 'engine-started',
        fields: {
          engine: event.engine,
          ...(event.refused.length > 0 ? { refused: event.refused.join('; ') } : {}),
        },
      };
    case 'waiting':
      return {
        level: 'warn',
        event: 'waiting-for-room',
        fields: { ...failure(event.error), retrySeconds: seconds(event.retryInMs) },
      };
    case 'joined': {
      const { id, room, memoryBytes, share } = event;
      return { level: 'info', event: 'joined', fields: { id, room, memoryBytes, share } };
    }
    case 'mesh':
      return meshRecord(event.event);
    case 'serve':
      return serveRecord(event.event);
    case 'profile':
      return { level: 'info', event: 'profile', fields: { measured: event.measured } };
    case 'share':
      return { level: 'info', event: 'share', fields: { share: event.share } };
    case 'monitor':
      return { level: 'info', event: 'monitor', fields: { url: event.url } };
    case 'engine-lost':
      return {
        level: 'error',
        event: 'engine-lost',
        fields: { ...failure(event.error), retrySeconds: seconds(event.retryInMs) },
      };
    case 'notice':
      return { level: 'warn', event: 'notice', fields: { text: event.text } };
    case 'leaving':
    case 'left':
      return { level: 'info', event: event.type, fields: {} };
    default:
      return unreachable(event);
  }
}

function meshRecord(event: MeshEvent): LogRecord | undefined {
  switch (event.type) {
    case 'signaling':
      if (event.state === 'lost')
        return {
          level: 'warn',
          event: 'signaling-lost',
          fields: event.error ? failure(event.error) : {},
        };
      return {
        level: event.state === 'open' ? 'info' : 'debug',
        event: `signaling-${event.state}`,
        fields: {},
      };
    case 'member': {
      const { member } = event;
      const peer = shortId(member.id);
      switch (member.state) {
        case 'connected': {
          const { name } = member.capabilities;
          if (member.reconnecting)
            return { level: 'warn', event: 'peer-reconnecting', fields: { peer, name } };
          return { level: 'info', event: 'peer-connected', fields: { peer, name, route: member.route } };
        }
        case 'failed':
          return { level: 'warn', event: 'peer-failed', fields: { peer, ...failure(member.error) } };
        case 'announced':
        case 'connecting':
          return { level: 'debug', event: `peer-${member.state}`, fields: { peer } };
        default:
          return unreachable(member);
      }
    }
    case 'member-doubtful':
      return { level: 'debug', event: 'peer-doubtful', fields: { peer: shortId(event.id) } };
    case 'member-left':
      return { level: 'info', event: 'peer-left', fields: { peer: shortId(event.id) } };
    case 'offered':
      return undefined;
    default:
      return unreachable(event);
  }
}

function serveRecord(event: ServeEvent): LogRecord {
  const session = shortId(event.session);
  switch (event.type) {
    case 'session-loading': {
      const { model, epoch, loadedBytes, totalBytes } = event;
      return {
        level: 'debug',
        event: 'session-loading',
        fields: { session, epoch, model, loadedBytes, totalBytes },
      };
    }
    case 'session-ready': {
      const { model, epoch, tiles, part } = event;
      return {
        level: 'info',
        event: 'session-ready',
        fields: { session, epoch, model, tiles: tiles.length, part: Math.round(part * 1000) / 1000 },
      };
    }
    case 'source-set-aside':
      return {
        level: 'warn',
        event: 'weight-source-set-aside',
        fields: { session, source: event.source, ...failure(event.error) },
      };
    case 'session-refused':
      return { level: 'warn', event: 'session-refused', fields: { session, ...failure(event.error) } };
    case 'session-ended':
      return { level: 'info', event: 'session-ended', fields: { session } };
    case 'tile-done': {
      const { frame, segment, tile, computeMs } = event;
      return { level: 'debug', event: 'tile-done', fields: { session, frame, segment, tile, computeMs } };
    }
    case 'tile-failed':
      return { level: 'error', event: 'tile-failed', fields: { session, ...failure(event.error) } };
    default:
      return unreachable(event);
  }
}
