import multicastDns from 'multicast-dns';
import type { HostRecord, MdnsAsker, MdnsLink, MdnsMessage } from './mdns-link.ts';

export interface MdnsNetwork {
  /** IPv4, of the interface: queries and answers go out there. */
  readonly address: string;
  readonly netmask: string;
  /** What is told about this machine in that network. */
  readonly addresses: readonly string[];
}

const PORT = 5353;
/** The class IN, and IN of a question whose sender would also take an answer that it gets alone. */
const IN: ReadonlySet<string> = new Set(['IN', 'ANY', 'UNKNOWN_32769']);

type Packet = multicastDns.QueryPacket | multicastDns.ResponsePacket;
type Questions = multicastDns.QueryOutgoingPacket['questions'];
type Answer = NonNullable<multicastDns.FullPacket['answers']>[number];

/** Multicast DNS over UDP in one network. `onFailure`: the port cannot be had; the link does nothing then. */
export function openMdnsLink(network: MdnsNetwork, onFailure: (error: Error) => void): MdnsLink {
  const socket = multicastDns({ interface: network.address, bind: '0.0.0.0' });
  const sending = new Set<Promise<void>>();
  const link: MdnsLink = {
    addresses: network.addresses,
    onMessage: () => undefined,
    send: (message, to) => {
      const sent = send(socket, message, to).finally(() => sending.delete(sent));
      sending.add(sent);
    },
    close: async () => {
      // A goodbye gets out first.
      await Promise.all(sending);
      await new Promise<void>((resolve) => socket.destroy(resolve));
    },
  };
  const receive = (packet: Packet, { address, port }: { address: string; port: number }): void => {
    // Sockets of one machine hear the messages of all of its networks.
    if (!isInNetwork(address, network)) return;
    const alone = packet.type === 'query' && port !== PORT;
    link.onMessage(messageOf(packet), alone ? { address, port, id: packet.id ?? 0 } : undefined);
  };
  socket.on('query', receive);
  socket.on('response', receive);
  socket.on('error', onFailure);
  // Packets that cannot be read, and networks that are just going.
  socket.on('warning', () => undefined);
  return link;
}

/** Resolves when the system has it, or has refused it: the next one may get through. */
function send(
  socket: multicastDns.MulticastDNS,
  message: MdnsMessage,
  to: MdnsAsker | undefined,
): Promise<void> {
  const answers = [...message.answers.map((record) => answerOf(record, !to)), ...lackingOf(message, !to)];
  // `ANY` is no type of records, and so not one that the library's types know.
  const questions = message.questions.map((question) => ({ ...question })) as Questions;
  return new Promise((resolve) => {
    const done = (): void => resolve();
    if (message.kind === 'query') {
      // What is only claimed must not flush what others know.
      const authorities = message.claims.map((record) => answerOf(record, false));
      socket.query({ questions, answers, authorities }, done);
    } else if (to) {
      socket.respond({ id: to.id, questions, answers }, { address: to.address, port: to.port }, done);
    } else socket.respond({ answers }, done);
  });
}

/** `flush`: whoever hears it forgets what it has heard of that name before (RFC 6762, section 10.2). */
const answerOf = ({ type, name, address, ttl }: HostRecord, flush: boolean): Answer => ({
  type,
  name,
  ttl,
  data: address,
  ...(flush ? { flush: true } : {}),
});

/** Section 6.1: an NSEC record says which types there are, so that nobody waits for the others. */
const lackingOf = ({ lacking = [] }: MdnsMessage, flush: boolean): Answer[] =>
  lacking.map(({ name, has }) => ({
    type: 'NSEC',
    name,
    ttl: 120,
    ...(flush ? { flush: true } : {}),
    data: { nextDomain: name, rrtypes: [has] },
  }));

function messageOf(packet: Packet): MdnsMessage {
  const { type, questions = [], answers = [], additionals = [], authorities = [] } = packet;
  return {
    kind: type,
    questions: questions.flatMap((question) => {
      const { name, type, class: ofClass = 'IN' } = question;
      if (!IN.has(ofClass)) return [];
      const asked = type as string;
      return asked === 'A' || asked === 'AAAA' || asked === 'ANY'
        ? [{ name: name.toLowerCase(), type: asked }]
        : [];
    }),
    answers: [...answers, ...additionals].flatMap(recordOf),
    claims: authorities.flatMap(recordOf),
  };
}

function recordOf(answer: Answer): HostRecord[] {
  if (answer.type !== 'A' && answer.type !== 'AAAA') return [];
  const { name, data, ttl = 0 } = answer;
  return [{ type: answer.type, name: name.toLowerCase(), address: data, ttl }];
}

function isInNetwork(address: string, { address: own, netmask }: MdnsNetwork): boolean {
  const [a, b, mask] = [address, own, netmask].map(bits) as [number, number, number];
  return (a & mask) === (b & mask);
}

const bits = (address: string): number =>
  address.split('.').reduce((sum, octet) => (sum << 8) | Number(octet), 0);
