import { expect } from 'chai';

/** What the product takes for granted of the pages it runs on. */
describe('the platform', () => {
  it('is cross-origin isolated, so that wasm may use threads', () => {
    expect(crossOriginIsolated).to.equal(true);
    expect(new SharedArrayBuffer(8).byteLength).to.equal(8);
  });

  it('starts a module worker', async () => {
    const worker = new Worker(new URL('./fixtures/echo-worker.ts', import.meta.url), { type: 'module' });
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        worker.addEventListener('message', ({ data }) => resolve(data));
        worker.addEventListener('error', (event) => reject(new Error(event.message)));
        worker.postMessage(41);
      });
      expect(answer).to.equal(42);
    } finally {
      worker.terminate();
    }
  });
});
