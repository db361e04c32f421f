import { beforeEach, describe, expect, it } from 'vitest';
import { HostName } from '../../../../headless/mdns/host-name.ts';
import type { MdnsAsker, MdnsLink, MdnsMessage, MdnsQuestion } from '../../../../headless/mdns/mdns-link.ts';
import { FakeClock, settle } from '../../mesh/fake-clock.ts';

/** A network in which everybody hears everything, themselves included. */
class Lan {
  readonly heard: MdnsMessage[] = [];
  readonly alone: { readonly message: MdnsMessage; readonly to: MdnsAsker }[] = [];
  readonly #links: MdnsLink[] = [];

  link(...addresses: readonly string[]): MdnsLink {
    const link: MdnsLink = {
      addresses,
      onMessage: () => undefined,
      send: (message, to) => {
        if (to) this.alone.push({ message, to });
        else this.tell(message);
      },
      close: async () => undefined,
    };
    this.#links.push(link);
    return link;
  }

  tell(message: MdnsMessage, asker?: MdnsAsker): void {
    this.heard.push(message);
    queueMicrotask(() => this.#links.forEach((link) => link.onMessage(message, asker)));
  }

  /** What is answered to a question, and nothing else that is said. */
  async ask(
    question: MdnsQuestion,
    { answers = [], asker }: { readonly answers?: MdnsMessage['answers']; readonly asker?: MdnsAsker } = {},
  ): Promise<readonly MdnsMessage[]> {
    await settle();
    this.heard.length = 0;
    this.tell({ kind: 'query', questions: [question], answers, claims: [] }, asker);
    await settle();
    return this.heard.slice(1);
  }
}

let clock: FakeClock;
let lan: Lan;
beforeEach(() => {
  clock = new FakeClock();
  lan = new Lan();
});

function device(links: readonly MdnsLink[], { random = 0.5, later = '' } = {}) {
  const own = new Set([...links.flatMap(({ addresses }) => addresses), later]);
  const names: string[] = [];
  const host = new HostName({
    wanted: 'peerceptron',
    clock,
    random: () => random,
    isOwn: (address) => own.has(address),
    onName: (name) => names.push(name),
  });
  host.setLinks(links);
  return { host, names };
}
const record = (address: string, ttl = 120, name = 'peerceptron.local') => ({
  type: 'A' as const,
  name,
  address,
  ttl,
});
const telling = (...answers: readonly ReturnType<typeof record>[]): MdnsMessage => ({
  kind: 'response',
  questions: [],
  answers,
  claims: [],
});

describe('a name in the network', () => {
  it('is asked for three times with what it would stand for, and then announced twice', async () => {
    const { host, names } = device([lan.link('192.168.1.20')]);
    await clock.advance(500);
    expect(host.held).toBeUndefined();
    await clock.advance(5000);
    expect(host.held).toBe('peerceptron.local');
    expect(names).toEqual(['peerceptron.local']);
    const probe: MdnsMessage = {
      kind: 'query',
      questions: [{ name: 'peerceptron.local', type: 'ANY' }],
      answers: [],
      claims: [record('192.168.1.20')],
    };
    const announced = telling(record('192.168.1.20'));
    expect(lan.heard).toEqual([probe, probe, probe, announced, announced]);
  });

  it('is another one where somebody has it', async () => {
    const first = device([lan.link('192.168.1.20')]);
    await clock.advance(3000);
    const second = device([lan.link('192.168.1.21')]);
    await clock.advance(3000);
    const third = device([lan.link('192.168.1.22')]);
    await clock.advance(3000);
    expect([first, second, third].map(({ host }) => host.held)).toEqual([
      'peerceptron.local',
      'peerceptron-2.local',
      'peerceptron-3.local',
    ]);
    expect([first, second, third].map(({ names }) => names.length)).toEqual([1, 1, 1]);
  });

  it('is that of the greater records where two begin at the same time', async () => {
    const low = device([lan.link('192.168.1.9')]);
    const high = device([lan.link('192.168.1.10')]);
    await clock.advance(10_000);
    expect(high.host.held).toBe('peerceptron.local');
    expect(low.host.held).toBe('peerceptron-2.local');
  });

  it('compares records as bytes, and the longer list as greater', async () => {
    const short = device([lan.link('10.0.0.1')]);
    const long = device([lan.link('10.0.0.1', 'fd00::1')]);
    await clock.advance(10_000);
    // Whoever has a record that the other has too sees no stranger in it, but in the rest.
    expect([short.host.held, long.host.held].sort()).toEqual(['peerceptron-2.local', 'peerceptron.local']);
    expect(long.host.held).toBe('peerceptron.local');
  });

  it('stays with one of two that had it in networks which are joined', async () => {
    const other = new Lan();
    const one = device([lan.link('192.168.1.20')]);
    const two = device([other.link('192.168.1.30')]);
    await clock.advance(5000);
    expect([one.host.held, two.host.held]).toEqual(['peerceptron.local', 'peerceptron.local']);
    const bridged = new Lan();
    const [left, right] = [bridged.link('192.168.1.20'), bridged.link('192.168.1.30')];
    one.host.setLinks([left]);
    two.host.setLinks([right]);
    await clock.advance(10_000);
    expect(one.host.held).toBe('peerceptron-2.local');
    expect(two.host.held).toBe('peerceptron.local');
  });

  it('is found out anew when somebody says that it is theirs', async () => {
    const { host, names } = device([lan.link('192.168.1.20')]);
    await clock.advance(5000);
    lan.tell(telling(record('192.168.1.77')));
    await settle();
    expect(host.held).toBeUndefined();
    // Nobody defends it.
    await clock.advance(5000);
    expect(host.held).toBe('peerceptron.local');
    expect(names).toEqual(['peerceptron.local', 'peerceptron.local']);
  });

  it('is the same for several programs of one machine, and stays when one of them ends', async () => {
    const first = device([lan.link('192.168.1.20')]);
    const second = device([lan.link('192.168.1.20')], { random: 0.1 });
    await clock.advance(5000);
    expect([first.host.held, second.host.held]).toEqual(['peerceptron.local', 'peerceptron.local']);
    lan.heard.length = 0;
    first.host.close();
    await settle();
    expect(lan.heard).toEqual([telling(record('192.168.1.20', 0)), telling(record('192.168.1.20'))]);
    expect(second.host.held).toBe('peerceptron.local');
  });

  it('is taken back at the end, and then answered for no more', async () => {
    const { host } = device([lan.link('192.168.1.20')]);
    await clock.advance(5000);
    lan.heard.length = 0;
    host.close();
    await settle();
    expect(lan.heard).toEqual([telling(record('192.168.1.20', 0))]);
    expect(await lan.ask({ name: 'peerceptron.local', type: 'A' })).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is told in each network with the addresses that lead here from there', async () => {
    const wifi = new Lan();
    const links = [lan.link('192.168.1.20'), wifi.link('10.0.0.7', 'fd00::7')];
    const { host } = device(links, { later: '10.0.0.9' });
    await clock.advance(5000);
    expect(lan.heard.at(-1)).toEqual(telling(record('192.168.1.20')));
    expect(wifi.heard.at(-1)!.answers.map(({ address }) => address)).toEqual(['10.0.0.7', 'fd00::7']);
    host.setLinks([]);
    expect(host.held).toBeUndefined();
    const later = wifi.link('10.0.0.9');
    host.setLinks([later]);
    await clock.advance(5000);
    expect(host.held).toBe('peerceptron.local');
    expect(wifi.heard.at(-1)).toEqual(telling(record('10.0.0.9')));
  });
});

describe('questions for a name', () => {
  const name = 'peerceptron.local';
  it('are answered by family, with what there is none of', async () => {
    device([lan.link('192.168.1.20')]);
    await clock.advance(5000);
    const answer = telling(record('192.168.1.20'));
    const lacking = [{ name, has: 'A' }];
    expect(await lan.ask({ name, type: 'A' })).toEqual([{ ...answer, lacking: [] }]);
    expect(await lan.ask({ name, type: 'AAAA' })).toEqual([{ ...telling(), lacking }]);
    expect(await lan.ask({ name, type: 'ANY' })).toEqual([{ ...answer, lacking }]);
    expect(await lan.ask({ name: 'printer.local', type: 'A' })).toEqual([]);
  });

  it('are answered with all addresses where there are both families', async () => {
    device([lan.link('192.168.1.20', 'fd00::7')]);
    await clock.advance(5000);
    const types = async (type: MdnsQuestion['type']) => {
      const [answer] = await lan.ask({ name, type });
      expect(answer!.lacking).toEqual([]);
      return answer!.answers.map((each) => each.type);
    };
    expect(await types('A')).toEqual(['A']);
    expect(await types('AAAA')).toEqual(['AAAA']);
    expect(await types('ANY')).toEqual(['A', 'AAAA']);
  });

  it('are not answered with what the asker knows for long enough', async () => {
    device([lan.link('192.168.1.20')]);
    await clock.advance(5000);
    const known = (ttl: number) => ({ answers: [record('192.168.1.20', ttl)] });
    expect(await lan.ask({ name, type: 'A' }, known(60))).toEqual([]);
    expect(await lan.ask({ name, type: 'A' }, known(59))).toHaveLength(1);
  });

  it('of programs that know no multicast are answered to them alone, for a short time', async () => {
    device([lan.link('192.168.1.20')]);
    await clock.advance(5000);
    const asker = { address: '192.168.1.5', port: 40_000, id: 77 };
    expect(await lan.ask({ name, type: 'A' }, { asker })).toEqual([]);
    expect(lan.alone).toEqual([
      {
        message: {
          ...telling(record('192.168.1.20', 10)),
          questions: [{ name, type: 'A' }],
          lacking: [],
        },
        to: asker,
      },
    ]);
  });
});
