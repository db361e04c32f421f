/** `peerceptron/node`: the public API with Node's platform parts put in. */
export * from '../src/index.ts';
export { systemClock } from '../src/mesh/system-clock.ts';
export { classifyFrames, classifyPictures } from './classify.ts';
export { pictureFrames, randomFrames } from './frames.ts';
export type { NamedFrame } from './frames.ts';
export { openLocalRoom } from './local-room.ts';
export type { LocalRoom, LocalRoomOptions } from './local-room.ts';
export { loadModelByName, openModelFile, openModelH5 } from './model-files.ts';
export { startEngine } from './node-engine.ts';
export { joinNodeMesh } from './node-mesh.ts';
export type { JoinedNode, NodeMeshOptions } from './node-mesh.ts';
export { startPeerProcesses } from './peer-processes.ts';
export { gatherPeers } from './room-peers.ts';
export { spreadModel } from './spread-model.ts';
