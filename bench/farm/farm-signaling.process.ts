import { createSignalingServer } from '../../signaling/server.ts';

/**
 * The server of a farm's room, in the farm's network: `<address> [folder of models]`. Writes `{"port": …}`, and ends when its standard
 * input does.
 */
const [host, modelsDir] = process.argv.slice(2);
// Ctrl-C is for the program that has started it, and which ends it last.
process.on('SIGINT', () => undefined);
process.stdin.resume().once('close', () => process.exit());
const server = createSignalingServer({ port: 0, host: host!, ...(modelsDir ? { modelsDir } : {}) });
const { port } = await server.ready;
process.stdout.write(`${JSON.stringify({ port })}\n`);
