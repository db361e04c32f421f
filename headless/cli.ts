import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT, reportFailure } from './terminal.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('peerceptron')
  .description('Open a URL on any device and it joins a mesh that runs one neural network together.')
  .version(version)
  .showHelpAfterError('(add --help for what there is)')
  .exitOverride();
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./commands/serve.ts')).addServeCommand,
  join: async () => (await import('./commands/join.ts')).addJoinCommand,
  service: async () => (await import('./commands/service.ts')).addServiceCommand,
  infer: async () => (await import('./commands/infer.ts')).addInferCommand,
  plan: async () => (await import('./commands/plan.ts')).addPlanCommand,
  simulate: async () => (await import('./commands/simulate.ts')).addSimulateCommand,
  inspect: async () => (await import('./commands/inspect.ts')).addInspectCommand,
  import: async () => (await import('./commands/import.ts')).addImportCommand,
  kiosk: async () => (await import('./commands/kiosk.ts')).addKioskCommand,
  engine: async () => (await import('./commands/engine.ts')).addEngineCommand,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctorCommand,
};
const named = process.argv[2] ?? '';
// A peer needs no planner: what the other commands would load is memory that it offers. Help and typing errors need all.
const needed = Object.hasOwn(COMMANDS, named) ? [COMMANDS[named]!] : Object.values(COMMANDS);
for (const load of needed) (await load())(program);
for (const command of program.commands)
  command.exitOverride().showHelpAfterError('(add --help for what there is)');

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    // Help and version are asked for; everything else that commander refuses is bad usage.
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    process.exitCode = reportFailure(thrown, process.argv.includes('--json'));
  }
}
// Native WebRTC threads may keep the process alive after everything was closed. But what was printed must get out first: a
// pipe takes 64 KiB at once, and its reader may be slow.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit();

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    // A reader that has gone away wants nothing more.
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
