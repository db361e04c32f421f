import { open, rm, writeFile } from 'node:fs/promises';
import { chromeTrace } from '../src/runtime/trace/chrome-trace.ts';
import type { Trace } from '../src/runtime/trace/trace.ts';
import { PeerceptronError } from '../src/shared/errors.ts';
import type { PeerId } from '../src/shared/ids.ts';

export interface TraceFile {
  readonly path: string;
  write(trace: Trace, nameOf: (peer: PeerId) => string): Promise<void>;
  /** Nothing will be written: a file that was made for it goes away again. */
  discard(): Promise<void>;
}

/**
 * Makes sure that the file can be written, before hours of work would end with that news.
 * @throws OUTPUT_UNWRITABLE
 */
export async function openTraceFile(path: string): Promise<TraceFile> {
  let isNew = false;
  try {
    const handle = await open(path, 'a');
    const status = await handle.stat();
    isNew = status.isFile() && status.size === 0;
    await handle.close();
  } catch (cause) {
    throw unwritable(path, cause);
  }
  return {
    path,
    write: async (trace, nameOf) => {
      try {
        await writeFile(path, chromeTraceText(trace, nameOf));
      } catch (cause) {
        throw unwritable(path, cause);
      }
      isNew = false;
    },
    discard: async () => {
      if (isNew) await rm(path, { force: true });
    },
  };
}

/** Event by event: a long trace is longer than a string may be. */
function* chromeTraceText(trace: Trace, nameOf: (peer: PeerId) => string): Generator<string> {
  const { traceEvents, ...rest } = chromeTrace(trace, nameOf);
  yield `{"traceEvents":[`;
  for (let start = 0; start < traceEvents.length; start += 1000) {
    const lines = traceEvents.slice(start, start + 1000).map((event) => JSON.stringify(event));
    yield `${start === 0 ? '' : ','}\n${lines.join(',\n')}`;
  }
  yield `\n],${JSON.stringify(rest).slice(1)}\n`;
}

function unwritable(path: string, cause: unknown): PeerceptronError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PeerceptronError(
    'OUTPUT_UNWRITABLE',
    `'${path}' cannot be written: ${reason}; name a file in a folder that exists and that you may write to`,
    { cause },
  );
}
