import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DevtoolsPipe, type DevtoolsEvent } from '../../../../headless/kiosk/devtools-pipe.ts';
import { FakeClock } from '../../mesh/fake-clock.ts';

function connected() {
  const fromBrowser = new PassThrough();
  const toBrowser = new PassThrough();
  const clock = new FakeClock();
  const events: DevtoolsEvent[] = [];
  const pipe = new DevtoolsPipe({ fromBrowser, toBrowser, clock });
  pipe.onEvent = (event) => events.push(event);
  return { fromBrowser, toBrowser, clock, events, pipe };
}
const delivered = () => new Promise((resolve) => setImmediate(resolve));

describe('a pipe to the browser', () => {
  it('matches answers with calls, however the messages are cut', async () => {
    const { pipe, fromBrowser, toBrowser, events, clock } = connected();
    const [first, second] = [pipe.call('A.one', { x: 1 }, { sessionId: 's' }), pipe.call('A.two')];
    expect(String(toBrowser.read())).toBe(
      '{"id":1,"method":"A.one","params":{"x":1},"sessionId":"s"}\0{"id":2,"method":"A.two","params":{}}\0',
    );
    const answers =
      '{"id":2,"result":{"ü":2}}\0{"method":"A.happened","params":{"y":3}}\0{"id":1,"result":{}}\0';
    for (const byte of Buffer.from(answers)) fromBrowser.write(Buffer.from([byte]));
    expect(await second).toEqual({ ü: 2 });
    expect(await first).toEqual({});
    expect(events).toEqual([{ method: 'A.happened', params: { y: 3 } }]);
    expect(clock.pending).toBe(0);
  });

  it('rejects what the browser refuses', async () => {
    const { pipe, fromBrowser } = connected();
    const refused = pipe.call('A.one');
    fromBrowser.write('{"id":1,"error":{"message":"no such page"}}\0');
    await expect(refused).rejects.toThrow('no such page');
  });

  it('rejects what is not answered in time, and takes no late answer', async () => {
    const { pipe, fromBrowser, clock } = connected();
    const late = pipe.call('A.one', {}, { timeoutMs: 2000 });
    const failure = expect(late).rejects.toThrow('Chromium has not answered A.one within 2 s');
    await clock.advance(2000);
    await failure;
    fromBrowser.write('{"id":1,"result":{}}\0');
    await delivered();
  });

  it('rejects everything when the browser has ended', async () => {
    const { pipe, fromBrowser, clock } = connected();
    const waiting = expect(pipe.call('A.one')).rejects.toThrow('Chromium has ended');
    fromBrowser.destroy();
    await waiting;
    await expect(pipe.call('A.two')).rejects.toThrow('Chromium has ended');
    expect(clock.pending).toBe(0);
  });
});
