import { parseArgs } from 'node:util';
import { toPeerceptronError } from '../src/shared/errors.ts';
import { createSignalingServer } from './server.ts';
import { readTlsFiles } from './tls-files.ts';

const USAGE = `Usage: node signaling/main [--port N] [--host ADDRESS] [--static DIR] [--models DIR] [--allow-origin URL]...
                               [--cert FILE --key FILE]

With --cert and --key (PEM) the port speaks https as well as http.
Environment: PORT, HOST. The default port is 8080; 0 picks a free one.`;

async function main(): Promise<number> {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        static: { type: 'string' },
        models: { type: 'string' },
        'allow-origin': { type: 'string', multiple: true },
        cert: { type: 'string' },
        key: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (thrown) {
    console.error(`${toPeerceptronError(thrown).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const portText = values.port ?? process.env.PORT ?? '8080';
  const port = Number(portText);
  if (portText.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
    console.error(`“${portText}” is not a port: use a number from 0 to 65535.\n\n${USAGE}`);
    return 2;
  }
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    console.error(`--cert and --key belong together: give both, or neither.\n\n${USAGE}`);
    return 2;
  }
  const host = values.host ?? process.env.HOST;
  let tls;
  try {
    if (cert !== undefined && key !== undefined) tls = (await readTlsFiles({ cert, key }, Date.now())).pair;
  } catch (thrown) {
    return failed(thrown);
  }
  const server = createSignalingServer({
    port,
    ...(tls ? { tls } : {}),
    ...(host ? { host } : {}),
    ...(values.static === undefined ? {} : { staticDir: values.static }),
    ...(values.models === undefined ? {} : { modelsDir: values.models }),
    allowedOrigins: values['allow-origin'] ?? [],
    log: (event) => console.log(JSON.stringify(event)),
  });
  try {
    const { url } = await server.ready;
    console.log(`Signaling on ${url}`);
  } catch (thrown) {
    return failed(thrown);
  }
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  return 0;
}

function failed(thrown: unknown): number {
  const error = toPeerceptronError(thrown);
  console.error(`${error.code}: ${error.message}`);
  return 1;
}

process.exitCode = await main();
