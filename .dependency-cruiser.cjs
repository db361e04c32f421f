/** The dependency rule of ARCHITECTURE.md: shared ← graph ← planner, shared ← protocol, and outward from there. */
const allowed = {
  shared: [],
  graph: ['shared'],
  planner: ['shared', 'graph'],
  protocol: ['shared', 'graph', 'planner'],
  weights: ['shared', 'graph'],
  models: ['shared', 'graph', 'weights'],
  import: ['shared', 'graph', 'weights', 'models'],
  kernels: ['shared'],
  engine: ['shared', 'graph', 'kernels'],
  runtime: ['shared', 'graph', 'planner', 'protocol', 'weights', 'kernels', 'engine', 'transport'],
  mesh: ['shared', 'graph', 'planner', 'protocol', 'weights', 'engine', 'runtime', 'transport'],
};
const layerRules = Object.entries(allowed).map(([from, to]) => ({
  name: `layer-${from}`,
  comment: `src/${from} may import only: ${to.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${from}/`, pathNot: from === 'engine' ? '^src/engine/(tfjs|worker-)' : '^$' },
  to: { path: '^(src|signaling|headless)/', pathNot: `^src/(${[from, ...to].join('|')})/` },
}));
/** Adapters touch a platform or a heavy library; only composition roots (and other adapters) may import them. */
const adapters =
  '^src/(engine/tfjs|engine/native|engine/worker-host-(node|browser)|transport/(simple-peer|peerjs)|weights/(file|h5-file|opfs)|mesh/websocket-(node|browser))';
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...layerRules,
    {
      name: 'pure-core-no-node',
      comment: 'shared, graph, planner and protocol touch no platform',
      severity: 'error',
      from: { path: '^src/(shared|graph|planner|protocol)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'tfjs-only-in-its-adapter',
      severity: 'error',
      from: { path: '^(src|headless|signaling)/', pathNot: '^src/engine/tfjs' },
      to: { path: 'node_modules/@tensorflow/' },
    },
    {
      name: 'adapters-only-from-composition-roots',
      severity: 'error',
      from: { path: '^src/', pathNot: `${adapters}|^src/ui/|^src/engine/worker-` },
      to: { path: adapters },
    },
    {
      name: 'src-never-imports-programs',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(headless|signaling|test|bench)/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    exclude: { path: '\\.(wasm|css|svg)(\\?|$)' },
  },
};
