import { LEAN_MALLOC, LEAN_NODE } from '../lean-process.ts';
import { systemdWord } from '../systemd-word.ts';

export const SERVICE = 'peerceptron';
/** Of the link among the credentials that systemd hands over. */
export const CREDENTIAL = 'room-link';

export interface UnitOptions {
  /** Node's executable, and the built `cli.js`; both absolute. */
  readonly node: string;
  readonly program: string;
  /** The file with the room link, for root alone: systemd hands a copy to the service's user, and to nobody else. */
  readonly linkFile: string;
  /** Settings of `join` as JSON. */
  readonly configFile: string;
  /** As systemd takes it: `80%`, `512M`. */
  readonly memoryMax: string;
  /** The program lies below a home folder, which the service may look at, then. */
  readonly isProgramAtHome: boolean;
}

/**
 * The unit of a peer that stays up: an own user without any right, which exists only while it runs; started with the machine, and again
 * whenever it ends; nothing of the machine can be written but its own cache. What is missing of the usual hardening is so for a reason:
 * WebAssembly and JavaScript are compiled into memory that is executed, and addresses of the network are needed for WebRTC.
 */
export function serviceUnit(options: UnitOptions): string {
  const { node, program, linkFile, configFile, memoryMax, isProgramAtHome } = options;
  const command = [
    ...[node, ...LEAN_NODE, program, 'join', '--url-file'].map(systemdWord),
    `\${CREDENTIALS_DIRECTORY}/${CREDENTIAL}`,
    ...['--config', configFile].map(systemdWord),
  ];
  const environment = Object.entries({ ...LEAN_MALLOC, XDG_CACHE_HOME: '/var/cache' });
  return `# Written by "peerceptron service install"; changes belong in "systemctl edit ${SERVICE}".
[Unit]
Description=Peerceptron: a part of one neural network
Documentation=https://arxiv.org/abs/1901.02537
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command.join(' ')}
LoadCredential=${CREDENTIAL}:${linkFile}
${environment.map(([name, value]) => `Environment=${name}=${value}`).join('\n')}
Restart=always
RestartSec=5
# A peer that is told to stop lets the others go on without it first, for up to 30 s.
KillMode=mixed
TimeoutStopSec=45

DynamicUser=yes
CacheDirectory=${SERVICE}
MemoryMax=${memoryMax}
OOMScoreAdjust=500

UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=${isProgramAtHome ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
`;
}
