/**
 * Who computes which box, and how its pieces get there.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const runtime = [
  // Plans
  {
    id: 'grid-cells-swapped',
    breaks: 'the peers of a grid get the cells column by column',
    file: 'src/planner/splits.ts',
    find: 'boxesByCuts(shapes.get(tensor)!, split.outputs, axes)]',
    replace: 'boxesByCuts(shapes.get(tensor)!, split.outputs.toReversed(), axes)]',
    tests: ['splits'],
  },
  {
    id: 'partial-of-first-part',
    breaks: 'all tiles that should sum over different parts sum over the first',
    file: 'src/planner/splits.ts',
    find: 'const reduce = reduces[index % reduces.length];',
    replace: 'const reduce = reduces[(index * 0) % reduces.length];',
    tests: ['splits', 'random-splits'],
  },

  // Transfers and assembly
  {
    id: 'lost-piece',
    breaks: 'of the pieces of an input, the last of several is never sent',
    file: 'src/planner/compiled-plan.ts',
    find: 'for (const [index, piece] of pieces.entries()) {',
    replace: 'for (const [index, piece] of pieces.slice(0, Math.max(1, pieces.length - 1)).entries()) {',
    tests: ['transfers'],
  },
  {
    id: 'chunk-from-its-start',
    breaks: 'every run of a piece is filled from the start of the chunk that holds it',
    file: 'src/protocol/codec/decode-piece.ts',
    find: 'copyBytes(bytes, piece - offset, all, at, count)',
    replace: 'copyBytes(bytes, 0, all, at, count)',
    tests: ['assembly', 'pieces'],
  },
  {
    id: 'grid-transposed',
    breaks: 'the pieces of a grid land at transposed places',
    file: 'src/graph/region-copy.ts',
    find: 'targetBase += (region[axis]![0] - targetBox[axis]![0]) * targetStrides[axis]!;',
    replace:
      'targetBase += (region[axis]![0] - targetBox[axis]![0]) * targetStrides[axis < 2 && rank > 2 ? 1 - axis : axis]!;',
    tests: ['plans', 'copies'],
  },
  {
    id: 'runs-transposed',
    breaks: 'the runs of a piece that travels land at transposed places',
    file: 'src/graph/region-runs.ts',
    find: 'at += counter[axis]! * this.#steps[axis]!;',
    replace: 'at += counter[axis]! * this.#steps[rank - 1 - axis]!;',
    tests: ['pieces'],
  },
  {
    id: 'f16-cut-off',
    breaks: 'f16 cuts bits off instead of rounding to nearest',
    file: 'src/protocol/codec/f16.ts',
    find: '+ 0xfff + ((magnitude >>> 13) & 1)',
    replace: '',
    tests: ['f16'],
  },
  {
    id: 'u8-one-scale',
    breaks: 'u8 decodes every channel with the scale of the first',
    file: 'src/protocol/codec/u8.ts',
    find: '(codes[from + i]! - zero[c]!) * scale[c]!',
    replace: '(codes[from + i]! - zero[c]!) * scale[0]!',
    tests: ['u8'],
  },
  {
    id: 'u8-tables-of-another-tensor',
    breaks: 'the u8 kernel goes on with the tables of the tensor before',
    file: 'src/runtime/codec-kernels.ts',
    find: 'tablesOfSteps !== steps',
    replace: 'tablesOfSteps === undefined',
    tests: ['codec-kernels'],
  },
  {
    id: 'u8-measures-leftovers',
    breaks: "u8's kernel measures what is left in its memory behind the last number",
    file: 'src/runtime/codec-kernels.ts',
    find: 'source.bits.fill(0, length,',
    replace: 'source.bits.fill(0, BLOCK,',
    tests: ['codec-kernels'],
  },
  {
    id: 'partial-twice',
    breaks: 'the last partial sum is added twice',
    file: 'src/runtime/assembly.ts',
    find: "this.#box, partial, 'add');",
    replace:
      "this.#box, partial, 'add');\n      if (this.#nextToAdd > 0 && this.#missing === 0)\n        transferRegion(this.#partials[this.#nextToAdd]!, partial, this.buffer, this.#box, partial, 'add');",
    tests: ['assembly', 'plans'],
  },
  {
    id: 'first-partial-dropped',
    breaks: 'a partial sum takes the place of the one before it',
    file: 'src/runtime/assembly.ts',
    find: "this.#box, partial, 'add');",
    replace: "this.#box, partial, 'copy');",
    tests: ['assembly', 'plans'],
  },
  {
    id: 'activation-before-the-sum',
    breaks: 'what follows a partial sum, its bias and activation, runs when the first summand is there',
    file: 'src/runtime/assembly.ts',
    find: 'return this.#missing === 0;',
    replace: 'return this.#missing === 0 || this.#nextToAdd > 0;',
    tests: ['plans'],
  },

  // Frames, lanes and tiles
  {
    id: 'piece-of-another-frame',
    breaks: 'a tile takes the pieces of a new frame for those of the frame that it waits for',
    file: 'src/runtime/peer-epoch.ts',
    find: 'let held = this.#frames.get(frame);',
    replace: 'let held = this.#frames.get(frame) ?? this.#frames.values().next().value;',
    tests: ['epoch', 'plans'],
  },
  {
    id: 'result-of-another-frame',
    breaks: 'a frame that is done is answered with the outputs of the next one in flight',
    file: 'src/runtime/frames-in-flight.ts',
    find: 'const buffers = outputs.map(({ buffer }) => buffer);',
    replace: 'const buffers = (this.inFlight()[0]?.outputs ?? outputs).map(({ buffer }) => buffer);',
    tests: ['plans'],
  },
  {
    id: 'lanes-mixed',
    breaks: 'frames on different lanes share the routes of the first that came',
    file: 'src/planner/compiled-plan.ts',
    find: "const key = lanes.join(',');",
    replace: 'const key = `${lanes.length}`;',
    tests: ['transfers'],
  },
  {
    id: 'tile-of-another-lane',
    breaks: 'a peer with tiles of two lanes computes every frame with the first',
    file: 'src/runtime/tile-runner.ts',
    find: 'const loaded = epoch.tiles.get(PeerEpoch.key(pending));',
    replace:
      'const loaded = epoch.tiles.get(PeerEpoch.key({ ...pending, lane: 0 })) ?? epoch.tiles.get(PeerEpoch.key(pending));',
    tests: ['plans'],
  },
  {
    id: 'output-of-another-tensor',
    breaks: 'of a tile with several outputs, the first is delivered for all',
    file: 'src/runtime/tile-runner.ts',
    find: 'const output = pending.program.outputs.findIndex(({ tensor }) => tensor === delivery.tensor);',
    replace: 'const output = pending.program.outputs.findIndex(({ tensor }) => tensor.length > 0);',
    tests: ['plans'],
  },
  {
    id: 'output-of-another-tile',
    breaks: 'a tile delivers the start of what it made, wherever the piece lies in it',
    file: 'src/graph/region-runs.ts',
    find: 'base += (region[axis]![0] - box[axis]![0]) * step;',
    replace: 'base += 0 * step;',
    tests: ['assembly', 'plans'],
  },
  {
    id: 'interrupted-for-ever',
    breaks: 'a connection is waited for that WebRTC never calls failed',
    file: 'src/transport/disconnection.ts',
    find: "connection.iceConnectionState !== 'disconnected'",
    replace: "connection.iceConnectionState !== 'failed'",
    tests: ['disconnection'],
  },
  {
    id: 'interrupted-too-soon',
    breaks: 'a connection that has come back is given up all the same',
    file: 'src/transport/disconnection.ts',
    find: '    clearTimeout(timer);\n    if (isOver',
    replace: '    if (isOver',
    tests: ['disconnection'],
  },
];
