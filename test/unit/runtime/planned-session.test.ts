import { afterEach, describe, expect, it } from 'vitest';
import type { TileProgram } from '../../../src/graph/tile-program.ts';
import { programWork, workMs } from '../../../src/planner/cost-model.ts';
import type { Objective } from '../../../src/planner/choice.ts';
import type { DeviceProfile } from '../../../src/planner/profile.ts';
import type { AdaptiveSession } from '../../../src/runtime/adaptive-session.ts';
import { openPlannedSession, type ChosenPlan } from '../../../src/runtime/planned-session.ts';
import { offerProfile } from '../../../src/runtime/profile-service.ts';
import { Survey } from '../../../src/runtime/survey.ts';
import { asSessionId, type PeerId } from '../../../src/shared/ids.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { profileOf, testProfile } from '../../support/test-profile.ts';
import { AdaptiveWorld, graph, newFrame, weights } from './adaptive-world.ts';

/** So slow that moving tensors is nothing beside computing them. */
const SLOW = 2000;

interface Planned {
  readonly session: AdaptiveSession;
  readonly choices: ChosenPlan[];
}

let world: AdaptiveWorld;
const sessions: AdaptiveSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

/** Devices 1…n with these profiles, as they say. */
async function open(profiles: readonly DeviceProfile[], objective: Objective): Promise<Planned> {
  world = new AdaptiveWorld(profiles.length);
  const { clock, roster, requester } = world;
  for (const [index, profile] of profiles.entries()) {
    const { node } = world.devices[index + 1]!;
    offerProfile({ node, clock, profile: () => Promise.resolve(profile) });
  }
  const choices: ChosenPlan[] = [];
  const known = new Set(profiles.map((_, index) => peerIdOf(index + 1)));
  const session = await world.until(
    openPlannedSession({
      node: requester.node,
      graph,
      weights,
      clock,
      session: asSessionId('b'.repeat(32)),
      roster,
      survey: new Survey({ node: requester.node, clock, transport: testProfile.transport }),
      objective,
      describe: (id) =>
        known.has(id) ? { id, name: `device ${id}`, accuracy: 'f32', memoryBytes: 1e9 } : undefined,
      computeHere: async () => requester.serve(world),
      onChoice: (chosen) => choices.push(chosen),
      onEvent: (event) => world.events.push(event),
    }),
  );
  sessions.push(session);
  return { session, choices };
}

const peersOf = ({ plan }: AdaptiveSession): Set<PeerId> =>
  new Set(plan.segments.flatMap(({ lanes }) => lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer))));

async function runFrames(session: AdaptiveSession, count: number): Promise<void> {
  for (let frame = 0; frame < count; frame++) {
    const inputs = newFrame();
    const { outputs } = await world.until(session.run(inputs));
    expect(await world.expectRight(inputs, outputs)).toBe(true);
  }
}

describe('a planned session', () => {
  it('asks the devices for their profiles, uses those that help, and computes what the unsplit model does', async () => {
    const { session, choices } = await open([profileOf(SLOW), profileOf(SLOW)], { kind: 'throughput' });
    expect(choices.map(({ reason }) => reason)).toEqual(['start']);
    const [{ choice, world: seen }] = choices as [ChosenPlan];
    expect(seen.devices.map(({ profile }) => profile.rates.conv)).toEqual([
      profileOf(SLOW).rates.conv,
      profileOf(SLOW).rates.conv,
    ]);
    expect(peersOf(session)).toEqual(new Set([peerIdOf(1), peerIdOf(2)]));
    expect(session.plan.segments).toEqual(choice.plan.segments);
    expect(session.window).toBe(choice.prediction.window);
    expect(choice.gain).toBeGreaterThan(1.5);
    await runFrames(session, 6);
  });

  it('leaves out a device that would hold the others up, and says so', async () => {
    const { session, choices } = await open([profileOf(SLOW), profileOf(50 * SLOW)], { kind: 'latency' });
    expect(peersOf(session)).toEqual(new Set([peerIdOf(1)]));
    expect(choices[0]!.choice.leftOut).toMatchObject([{ peer: peerIdOf(2), reason: 'slows-down' }]);
    await runFrames(session, 2);
  });

  it('learns from how long tiles take: a device that has become slower gets less to do, or nothing', async () => {
    const { session, choices } = await open([profileOf(SLOW), profileOf(SLOW)], { kind: 'throughput' });
    const profile = profileOf(SLOW);
    const asProfiled = (program: TileProgram): number =>
      profile.tileMs + workMs(programWork(program), profile);
    world.devices[1]!.computeMs = asProfiled;
    world.devices[2]!.computeMs = (program) => 8 * asProfiled(program);
    await runFrames(session, 24);
    await world.until(new Promise<void>((resolve) => world.clock.after(20_000, resolve)));
    await runFrames(session, 4);
    const adapted = choices.findLast(({ reason }) => reason === 'slow')!;
    const corrected = adapted.world.devices.find(({ id }) => id === peerIdOf(2))!.profile;
    const ratio = corrected.rates.conv.msPerMac / profileOf(SLOW).rates.conv.msPerMac;
    expect(ratio).toBeGreaterThan(6);
    expect(ratio).toBeLessThan(10);
    const unchanged = adapted.world.devices.find(({ id }) => id === peerIdOf(1))!.profile;
    expect(unchanged.rates.conv.msPerMac / profileOf(SLOW).rates.conv.msPerMac).toBeCloseTo(1, 1);
    const load = adapted.choice.prediction.devices.find(({ peer }) => peer === peerIdOf(2));
    expect(load?.computeMs ?? 0).toBeLessThan(choices[0]!.choice.prediction.devices[2]!.computeMs * 8);
    expect(world.kinds()).toContain('switched');
  });

  it('goes on here when everybody is gone', async () => {
    const { session } = await open([profileOf(SLOW)], { kind: 'latency' });
    const inputs = newFrame();
    world.devices[1]!.hold();
    const result = session.run(inputs);
    world.room.kill(peerIdOf(1));
    world.roster.set([]);
    const { outputs } = await world.until(result);
    expect(await world.expectRight(inputs, outputs)).toBe(true);
    expect(peersOf(session)).toEqual(new Set([peerIdOf(0)]));
  });
});
