/** Of a 32-bit memory: 4 GiB. */
const MOST_PAGES = 65_536;

const IMPORTS = 2;
const MEMORIES = 5;
const HEADER_BYTES = 8;

/** Kinds of imports. */
const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;
const GLOBAL = 3;

const HAS_MOST = 1;
const IS_SHARED = 2;

/**
 * The same WebAssembly module with its memory, be it its own or imported, shared between threads. Code that does not know of
 * threads runs in such a memory as in any other.
 * @throws Error where this is no module, or one with imports of another kind.
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new Reader(module);
  const made: number[][] = [[...reader.take(HEADER_BYTES)]];
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const content = reader.take(reader.number());
    const written =
      id === IMPORTS ? importSection(content) : id === MEMORIES ? memorySection(content) : [...content];
    made.push([id, ...leb(written.length)], written);
  }
  return Uint8Array.from(made.flat());
}

function importSection(content: Uint8Array): number[] {
  const reader = new Reader(content);
  const count = reader.number();
  const made = leb(count);
  for (let entry = 0; entry < count; entry++) {
    made.push(...reader.passed(() => [reader.take(reader.number()), reader.take(reader.number())]));
    const kind = reader.byte();
    made.push(kind);
    switch (kind) {
      case FUNCTION:
        made.push(...reader.passed(() => reader.number()));
        break;
      case TABLE:
        made.push(...reader.passed(() => [reader.byte(), reader.limits()]));
        break;
      case MEMORY:
        made.push(...sharedLimits(reader));
        break;
      case GLOBAL:
        made.push(...reader.take(2));
        break;
      default:
        throw new Error(`a module imports something of kind ${kind}`);
    }
  }
  return made;
}

function memorySection(content: Uint8Array): number[] {
  const reader = new Reader(content);
  const count = reader.number();
  return [...leb(count), ...Array.from({ length: count }, () => sharedLimits(reader)).flat()];
}

function sharedLimits(reader: Reader): number[] {
  const { least, most = MOST_PAGES } = reader.limits();
  return [HAS_MOST | IS_SHARED, ...leb(least), ...leb(most)];
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Error('a module ends too early');
    return value;
  }

  take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new Error('a module ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** The bytes that `read` goes past. */
  passed(read: () => unknown): Uint8Array {
    const start = this.#at;
    read();
    return this.#bytes.subarray(start, this.#at);
  }

  /** LEB128. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  limits(): { readonly least: number; readonly most?: number } {
    const flags = this.byte();
    const least = this.number();
    return flags & HAS_MOST ? { least, most: this.number() } : { least };
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}
