import { describe, expect, it } from 'vitest';
import {
  HELLO_MAX_BYTES,
  HelloExchange,
  type HelloContext,
  type HelloStep,
} from '../../../src/protocol/hello.ts';
import { PROTOCOL_VERSION, type Capabilities } from '../../../src/protocol/messages.ts';
import { asPeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';

const id = (n: number): string => n.toString(16).padStart(32, '0');
const [a, b] = [asPeerId(id(0xa)), asPeerId(id(0xb))];
const capabilities: Capabilities = {
  name: 'Küche “Pi”',
  engine: 'tfjs-wasm',
  accuracy: 'f32',
  memoryBytes: 5e8,
  platform: 'linux arm64',
  serves: true,
};
const contextA: HelloContext = {
  role: 'initiator',
  self: a,
  peer: b,
  selfNonce: id(1),
  peerNonce: id(2),
  localFingerprint: 'a1'.repeat(32),
  remoteFingerprint: 'b2'.repeat(32),
  proofKey: new Uint8Array(32).fill(5),
  capabilities,
};
const contextB: HelloContext = {
  ...contextA,
  role: 'responder',
  self: b,
  peer: a,
  selfNonce: id(2),
  peerNonce: id(1),
  localFingerprint: 'b2'.repeat(32),
  remoteFingerprint: 'a1'.repeat(32),
  capabilities: { ...capabilities, name: 'B' },
};
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const text = (message: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(message)) as Record<string, unknown>;
const failure = (step: HelloStep) => {
  if (step.state !== 'failed') throw new Error(`expected a failure, got ${step.state}`);
  return step;
};

/** Runs both sides to the end, messages in order. */
function meet(one: HelloExchange, other: HelloExchange): [HelloStep, HelloStep] {
  const ends: [HelloStep | undefined, HelloStep | undefined] = [undefined, undefined];
  const inbox: [Uint8Array[], Uint8Array[]] = [[other.hello], [one.hello]];
  while (inbox[0].length + inbox[1].length > 0)
    for (const side of [0, 1] as const) {
      const message = inbox[side].shift();
      if (!message || ends[side]) continue;
      const step = (side === 0 ? one : other).receive(message);
      if (step.state !== 'done' && step.send) inbox[1 - side]!.push(step.send);
      if (step.state !== 'waiting') ends[side] = step;
    }
  return [ends[0]!, ends[1]!];
}

describe('HELLO', () => {
  it('[HELLO1] proves both sides to each other and exchanges what they can do', () => {
    const [atA, atB] = meet(new HelloExchange(contextA), new HelloExchange(contextB));
    expect(atA).toEqual({ state: 'done', version: PROTOCOL_VERSION, capabilities: contextB.capabilities });
    expect(atB).toEqual({ state: 'done', version: PROTOCOL_VERSION, capabilities });
  });

  it('[HELLO1] is not done before the other side has accepted', () => {
    const [atA, atB] = [new HelloExchange(contextA), new HelloExchange(contextB)];
    const step = atA.receive(atB.hello);
    expect(step.state).toBe('waiting');
    expect(atA.receive(bytes({ type: 'accept' })).state).toBe('done');
  });

  it('[HELLO2] agrees on the highest common version', () => {
    const [atA, atB] = meet(
      new HelloExchange({ ...contextA, versions: [1, 2, 3] }),
      new HelloExchange({ ...contextB, versions: [2, 1] }),
    );
    expect([atA, atB]).toMatchObject([
      { state: 'done', version: 2 },
      { state: 'done', version: 2 },
    ]);
  });

  it('[HELLO2] refuses another version with a message that names both, on both sides', () => {
    const steps = meet(
      new HelloExchange({ ...contextA, versions: [1] }),
      new HelloExchange({ ...contextB, versions: [7, 8] }),
    );
    for (const step of steps) {
      const { error } = failure(step);
      expect(error.code).toBe('PROTOCOL_VERSION');
      expect(error.message).toContain('version 1');
      expect(error.message).toContain('versions 7, 8');
    }
  });

  it('[HELLO2] tells the version even when nothing else of the newer HELLO is understood', () => {
    const step = failure(
      new HelloExchange(contextA).receive(
        bytes({ type: 'hello', versions: [PROTOCOL_VERSION + 1], novel: { format: true } }),
      ),
    );
    expect(step.error.code).toBe('PROTOCOL_VERSION');
    expect(text(step.send!)).toMatchObject({ type: 'refuse', code: 'PROTOCOL_VERSION' });
    // … and the side that is refused reports the same code.
    const told = failure(new HelloExchange(contextB).receive(step.send!));
    expect(told.error.code).toBe('PROTOCOL_VERSION');
    expect(told.send).toBeUndefined();
  });

  it.each<[string, Partial<HelloContext>]>([
    ['another secret', { proofKey: new Uint8Array(32).fill(6) }],
    ['someone in between, seen from its own side', { localFingerprint: 'cc'.repeat(32) }],
    ['someone in between, seen from the other side', { remoteFingerprint: 'cc'.repeat(32) }],
    ['an older connection’s own nonce', { selfNonce: id(9) }],
    ['an older connection’s other nonce', { peerNonce: id(9) }],
    ['another id', { self: asPeerId(id(0xc)) }],
    ['another receiver', { peer: asPeerId(id(0xc)) }],
    ['the same role', { role: 'initiator' }],
  ])('[HELLO3] fails on both sides against %s', (_what, change) => {
    const steps = meet(new HelloExchange(contextA), new HelloExchange({ ...contextB, ...change }));
    for (const step of steps) expect(failure(step).error.code).toBe('AUTH_FAILED');
  });

  it('[HELLO3] fails when both sides see the certificate of someone in between', () => {
    const middle = 'cc'.repeat(32);
    const steps = meet(
      new HelloExchange({ ...contextA, remoteFingerprint: middle }),
      new HelloExchange({ ...contextB, remoteFingerprint: middle }),
    );
    for (const step of steps) expect(failure(step).error.code).toBe('AUTH_FAILED');
  });

  it('[RES6] goes on with a channel only when both sides name the same one', () => {
    const [one, other] = ['ab'.repeat(32), 'cd'.repeat(32)];
    const outcome = (resumesA: string | undefined, resumesB: string | undefined) =>
      meet(
        new HelloExchange({ ...contextA, resumes: resumesA }),
        new HelloExchange({ ...contextB, resumes: resumesB }),
      ).map((step) => (step.state === 'done' ? step.resumes : 'not done'));
    expect(outcome(one, one)).toEqual([one, one]);
    for (const [a, b] of [
      [one, other],
      [one, undefined],
      [undefined, one],
      [undefined, undefined],
    ] as const)
      expect(outcome(a, b)).toEqual([undefined, undefined]);
  });

  it('[HELLO4] does not accept its own proof back, as it is or relabelled', () => {
    const own = text(new HelloExchange(contextA).hello);
    for (const reflected of [
      own,
      { ...own, role: 'responder', from: b, to: a, nonce: id(2) },
      { ...own, from: b, to: a, nonce: id(2) },
    ])
      expect(failure(new HelloExchange(contextA).receive(bytes(reflected))).error.code).toBe('AUTH_FAILED');
  });

  it.each(['versions', 'role', 'from', 'to', 'nonce', 'capabilities', 'resumes', 'proof'])(
    '[HELLO4] does not accept a HELLO whose %s was changed on the way',
    (field) => {
      const hello = text(new HelloExchange(contextB).hello);
      const changes: Record<string, unknown> = {
        versions: [1, PROTOCOL_VERSION],
        role: 'initiator',
        from: id(3),
        to: id(3),
        nonce: id(3),
        capabilities: JSON.stringify({ ...contextB.capabilities, memoryBytes: 1e12 }),
        resumes: 'ab'.repeat(32),
        proof: '0'.repeat(64),
      };
      const step = failure(new HelloExchange(contextA).receive(bytes({ ...hello, [field]: changes[field] })));
      expect(step.error.code).toBe('AUTH_FAILED');
    },
  );

  it.each<[string, Uint8Array, string]>([
    ['garbage', Uint8Array.of(255, 254, 0, 1), 'PROTOCOL_MALFORMED'],
    ['nothing', new Uint8Array(0), 'PROTOCOL_MALFORMED'],
    ['a list', bytes([]), 'PROTOCOL_MALFORMED'],
    ['an unknown type', bytes({ type: 'control' }), 'PROTOCOL_MALFORMED'],
    ['too many versions', bytes({ type: 'hello', versions: Array(100).fill(1) }), 'PROTOCOL_MALFORMED'],
    ['no versions', bytes({ type: 'hello', versions: [] }), 'PROTOCOL_MALFORMED'],
    ['too much', new Uint8Array(HELLO_MAX_BYTES + 1).fill(32), 'PROTOCOL_LIMIT'],
    [
      'a channel that is no id',
      bytes({ ...text(new HelloExchange(contextB).hello), resumes: 'ab' }),
      'PROTOCOL_MALFORMED',
    ],
    ['an accept first', bytes({ type: 'accept' }), 'PROTOCOL_ORDER'],
  ])('[HELLO5] refuses %s', (_what, message, code) => {
    const step = failure(new HelloExchange(contextA).receive(message));
    expect(step.error.code).toBe(code);
    expect(text(step.send!)).toMatchObject({ type: 'refuse', code });
  });

  it('[HELLO5] refuses capabilities that do not parse, although they are proven', () => {
    const lying = { ...contextB, capabilities: { ...capabilities, memoryBytes: -1 } };
    const step = failure(new HelloExchange(contextA).receive(new HelloExchange(lying).hello));
    expect(step.error.code).toBe('PROTOCOL_MALFORMED');
  });

  it('[HELLO5] refuses a second HELLO', () => {
    const atA = new HelloExchange(contextA);
    const { hello } = new HelloExchange(contextB);
    expect(atA.receive(hello).state).toBe('waiting');
    expect(failure(atA.receive(hello)).error.code).toBe('PROTOCOL_ORDER');
  });

  it('[HELLO5] survives random bytes and random JSON', () => {
    const seed = 11;
    const random = seededRandom(seed);
    const { hello } = new HelloExchange(contextB);
    for (let round = 0; round < 500; round += 1) {
      const changed = Uint8Array.from(hello);
      for (let i = 0; i <= random.integer(4); i += 1)
        changed[random.integer(changed.length)] = random.integer(256);
      const step = new HelloExchange(contextA).receive(changed);
      const same = changed.every((byte, i) => byte === hello[i]);
      expect(step.state, `seed ${seed}, round ${round}`).toBe(same ? 'waiting' : 'failed');
    }
  });

  it('fits its own limit with the longest capabilities', () => {
    const longest = {
      ...capabilities,
      name: '字'.repeat(200),
      engine: '"'.repeat(200),
      platform: '\\'.repeat(200),
    };
    const [atA] = meet(
      new HelloExchange(contextA),
      new HelloExchange({ ...contextB, capabilities: longest }),
    );
    expect(atA).toMatchObject({ state: 'done', capabilities: longest });
  });
});
