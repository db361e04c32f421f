import { afterEach, describe, expect, it } from 'vitest';
import type { Member, Mesh, MeshEvent } from '../../../src/mesh/mesh.ts';
import { runSearch, type PlanSearch } from '../../../src/planner/search-task.ts';
import { offerProfile } from '../../../src/runtime/profile-service.ts';
import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { PeerId } from '../../../src/shared/ids.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import {
  reduceAsked,
  type AskedEvent,
  type AskedSession,
  type PlanWish,
} from '../../../src/ui/network-view/asked-state.ts';
import { peersInOrder } from '../../../src/ui/network-view/strip.ts';
import { openPageSession, type PageSession } from '../../../src/ui/page-session.ts';
import { RoomSurvey } from '../../../src/ui/room-survey.ts';
import { peerIdOf } from '../../support/memory-network.ts';
import { profileOf, testProfile } from '../../support/test-profile.ts';
import { AdaptiveWorld, graph, newFrame, weights } from '../runtime/adaptive-world.ts';

/** So slow that moving tensors is nothing beside computing them. */
const SLOW = 2000;
const random = seededRandom(3);
const open: PageSession[] = [];
afterEach(async () => {
  for (const page of open.splice(0)) await page.close();
});

/** A page that only asks, and two devices that compute. */
async function setUp(searchForPreviews: PlanSearch = async (task) => runSearch(task, () => 0)) {
  const world = new AdaptiveWorld(2);
  const { clock, requester } = world;
  const members = new Map<PeerId, Member>();
  for (const index of [1, 2]) {
    offerProfile({ node: world.devices[index]!.node, clock, profile: async () => profileOf(SLOW) });
    const capabilities = {
      name: `Pi ${index}`,
      engine: 'reference',
      accuracy: 'f32' as const,
      memoryBytes: 1e9,
      platform: 'test',
      serves: true,
    };
    members.set(peerIdOf(index), { state: 'connected', id: peerIdOf(index), capabilities });
  }
  const listeners = new Set<(event: MeshEvent) => void>();
  const mesh = {
    self: peerIdOf(0),
    members,
    subscribe: (listener: (event: MeshEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Mesh;
  let asked: AskedSession | undefined;
  const events: AskedEvent[] = [];
  let search: PlanSearch = async (task) => runSearch(task, () => clock.now());
  const page = await world.until(
    openPageSession({
      mesh,
      node: requester.node,
      capabilities: () => {
        throw new Error('this device does not serve');
      },
      clock,
      randomBytes: (length) => Uint8Array.from({ length }, () => random.integer(256)),
      model: { graph, weights },
      objective: { kind: 'throughput' },
      survey: new RoomSurvey({ node: requester.node, clock, transport: async () => testProfile.transport }),
      search: (task) => search(task),
      dispatch: (event) => {
        events.push(event);
        asked = reduceAsked(asked, event);
      },
    }),
  );
  open.push(page);
  search = searchForPreviews;
  const run = async (count: number): Promise<void> => {
    for (let frame = 0; frame < count; frame += 1) {
      const inputs = newFrame();
      const { outputs } = await world.until(page.frames.run(inputs));
      expect(await world.expectRight(inputs, outputs)).toBe(true);
    }
  };
  return { world, page, run, events, asked: () => asked! };
}

/** Time passes until it is so. */
async function passes(world: AdaptiveWorld, isSo: () => boolean): Promise<void> {
  for (let spentMs = 0; !isSo(); spentMs += 50) {
    if (spentMs > 60_000) throw new Error('nothing came of it in a minute');
    await world.clock.advance(50);
  }
}

describe('a session of the page', () => {
  it('shows its plan, among whom it was chosen, and how long its tiles take', async () => {
    const { world, page, run, asked } = await setUp();
    expect(asked()).toMatchObject({
      session: page.id,
      isOpen: true,
      wish: { objective: { kind: 'throughput' } },
    });
    expect(asked().candidates.map(({ name }) => name)).toEqual(['Pi 1', 'Pi 2']);
    expect(asked().prediction!.framesPerSecond).toBeGreaterThan(0);
    await run(4);
    await world.clock.advance(300);
    expect(asked().tileMs.size).toBe(
      page.session.plan.segments.flatMap(({ lanes }) => lanes).flatMap(({ tiles }) => tiles).length,
    );
    expect([...asked().tileMs.values()].every((ms) => Math.abs(ms - 5) < 1e-9)).toBe(true);
  });

  it('previews another plan without touching the running one, and uses it when that is wanted', async () => {
    const { world, page, run, asked } = await setUp();
    const wish: PlanWish = { objective: { kind: 'latency' }, without: [peerIdOf(2)] };
    const before = page.session.plan;
    await world.until(page.preview(wish));
    const preview = asked().preview!;
    if (preview.state !== 'ready') throw new Error(preview.state);
    expect(peersInOrder(preview.answer.plan)).toEqual([peerIdOf(1)]);
    expect(page.session.plan).toBe(before);
    page.apply(wish);
    await passes(world, () => page.session.plan !== before);
    expect(peersInOrder(page.session.plan)).toEqual([peerIdOf(1)]);
    expect(asked().wish).toEqual(wish);
    expect(asked().preview).toBeUndefined();
    // Who is left out can be taken in again.
    expect(asked().candidates.map(({ name }) => name)).toEqual(['Pi 1', 'Pi 2']);
    await run(2);
    page.apply({ objective: { kind: 'throughput' }, without: [] });
    await passes(world, () => peersInOrder(page.session.plan).length === 2);
    await run(2);
  });

  it('says why there is no other plan', async () => {
    const { world, page, asked } = await setUp(async () => {
      throw new PeerceptronError('PLAN_NO_PEERS', 'nobody');
    });
    await world.until(page.preview({ objective: { kind: 'latency' }, without: [] }));
    expect(asked().preview).toMatchObject({ state: 'failed', problem: { code: 'PLAN_NO_PEERS' } });
  });

  it('shows the latest frames when they are wanted, and what it had when it is closed', async () => {
    const { world, page, run, asked } = await setUp();
    await run(3);
    await world.until(page.takeTrace());
    const { trace } = asked();
    if (trace.state !== 'ready') throw new Error(trace.state);
    expect(trace.latest.spans.filter(({ stage }) => stage === 'frame')).toHaveLength(3);
    await page.close();
    expect(asked()).toMatchObject({ isOpen: false, trace: { state: 'ready' } });
  });
});
