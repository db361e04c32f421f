import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import type { TlsPair } from '../../signaling/tls-pair.ts';

/** What a TLS client that trusts `ca` alone makes of a server: `accepted`, or why not. */
export async function verdictOn(pair: TlsPair, ca: string, host: string): Promise<string> {
  const server = createServer({ key: pair.key, cert: pair.cert });
  // A client that refuses hangs up in the middle of the handshake.
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise<string>((resolve) => {
      // The address is always this machine; `host` is what the certificate has to be for.
      const isName = /[a-z]/i.test(host) && !host.includes(':');
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca,
        ...(isName ? { servername: host } : {}),
        checkServerIdentity: (_, certificate) => identityProblem(host, certificate.subjectaltname ?? ''),
      });
      socket.once('secureConnect', () => {
        socket.destroy();
        resolve('accepted');
      });
      socket.once('error', (error: Error) => resolve(error.message));
    });
  } finally {
    server.close();
  }
}

function identityProblem(host: string, alternativeNames: string): Error | undefined {
  const names = alternativeNames.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return names.includes(host) ? undefined : new Error(`not for ${host}`);
}
