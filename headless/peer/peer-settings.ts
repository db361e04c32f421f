import { Option, type Command } from 'commander';
import { addProfileFlag, type ProfileFlags } from '../device-profile.ts';
import { parseCount, parsePort, parseShare } from '../flags.ts';
import { engineOption } from '../node-engine.ts';
import { parseByteSize } from '../platform.ts';
import { addCacheFlags, type CacheFlags } from '../weight-cache.ts';
import { LOG_FORMATS, LOG_LEVELS } from './log.ts';
import type { ReportFlags } from './report.ts';
import { addSettings } from './settings.ts';

/** How a peer is to be, wherever that is said: flags, environment, file. */
export interface PeerSettings extends CacheFlags, ProfileFlags, ReportFlags {
  readonly urlFile?: string;
  readonly name?: string;
  readonly memory?: number;
  readonly engine: string;
  readonly threads?: number;
  readonly share: number;
  readonly metricsPort?: number;
  readonly allowOrigin?: readonly string[];
}

export function addPeerSettings(command: Command): void {
  command
    .option('--url-file <file>', 'read the room link from a file (or set PEERCEPTRON_URL)')
    .option('--name <name>', 'how this device is called in the room (default: its host name)')
    .option(
      '--memory <size>',
      'memory offered, e.g. 512MB (default: half of what there is, or of the control group’s limit)',
      parseByteSize,
    )
    .addOption(engineOption('what computes'))
    .option(
      '--threads <n>',
      'that compute a tile together, on native and wasm (default: one per core; one with a part of a core)',
      parseCount,
    )
    .addOption(
      new Option('--share <part>', 'how much of a processor core the mesh gets, e.g. 25%')
        .argParser(parseShare)
        .default(1, 'all'),
    )
    .addOption(
      new Option('--log-level <level>', 'log what happens, one line each, down to this level').choices([
        ...LOG_LEVELS,
      ]),
    )
    .addOption(new Option('--log-format <format>', 'how these lines look').choices([...LOG_FORMATS]))
    .option(
      '--metrics-port <port>',
      'answer /healthz and /metrics (Prometheus) on this port of 127.0.0.1; 0: any free one',
      parsePort,
    )
    .option(
      '--allow-origin <url>',
      'also fetch weights from this server (repeatable; "public": from any with a public address)',
      collect,
    );
  addCacheFlags(command);
  addProfileFlag(command);
  addSettings(command);
}

/** Several in one text where it comes from the environment. */
const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value.split(/\s+/).filter((origin) => origin !== ''),
];
