import { describe, expect, it } from 'vitest';
import { httpsTwin, preferHttps, type HttpsWorld } from '../../../src/ui/https/prefer-https.ts';

const plain = 'http://192.168.1.2:8080/kiosk?dim=never#amber-otter.secret';

function visit(changes: Partial<HttpsWorld> & { readonly answers?: Record<string, unknown> }) {
  const asked: string[] = [];
  const moves: string[] = [];
  const outlook = preferHttps({
    href: plain,
    isSecure: false,
    load: async (url) => {
      asked.push(url);
      const answer = changes.answers?.[url];
      if (answer === undefined) throw new TypeError('Failed to fetch');
      return typeof answer === 'string' ? new Response(answer) : Response.json(answer);
    },
    moveTo: (url) => moves.push(url),
    ...changes,
  });
  return { outlook, asked, moves };
}

const config = 'http://192.168.1.2:8080/config.json';
const health = 'https://192.168.1.2:8080/healthz';

describe('a page that came over plain http', () => {
  it('goes to the same page over https where this device trusts the server', async () => {
    const { outlook, moves } = visit({ answers: { [config]: { https: 'local-authority' }, [health]: 'ok' } });
    expect(await outlook).toEqual({ state: 'moving' });
    expect(moves).toEqual(['https://192.168.1.2:8080/kiosk?dim=never#amber-otter.secret']);
  });

  it('says where to learn how, with the room, where it does not', async () => {
    const { outlook, moves } = visit({ answers: { [config]: { https: 'local-authority' } } });
    expect(await outlook).toEqual({
      state: 'untrusted',
      trustUrl: 'http://192.168.1.2:8080/trust#amber-otter.secret',
    });
    expect(moves).toEqual([]);
  });

  it('stays where the certificate is the operator’s own and not for this address', async () => {
    const { outlook } = visit({ answers: { [config]: { https: 'own-certificate' } } });
    expect(await outlook).toEqual({ state: 'settled' });
  });

  it.each([
    ['a server without https', { [config]: { app: 'peerceptron' } }],
    ['a static host', { [config]: '<!doctype html>' }],
    ['no server at all', {}],
    ['a future kind', { [config]: { https: 'something' } }],
  ])('stays at %s, and asks nothing else', async (_, answers) => {
    const { outlook, asked } = visit({ answers });
    expect(await outlook).toEqual({ state: 'settled' });
    expect(asked).toEqual([config]);
  });

  it('asks nothing where the page is secure already', async () => {
    const { outlook, asked } = visit({ isSecure: true });
    expect(await outlook).toEqual({ state: 'settled' });
    expect(asked).toEqual([]);
  });

  it('keeps the port, also where http leaves it out', () => {
    expect(httpsTwin('http://mesh.lan/#a.b')).toBe('https://mesh.lan:80/#a.b');
    expect(httpsTwin('http://[fd00::2]:8080/trust')).toBe('https://[fd00::2]:8080/trust');
  });
});
