/**
 * The public API, the same in browsers and in Node; everything else may change between releases.
 * Platform parts (WebRTC, sockets, engines) are handed in: see `headless/api.ts` for Node, `src/ui/main.ts` for a page.
 */
export { ERROR_CODES, isErrorCode, PeerceptronError } from './shared/errors.ts';
export type { ErrorCode, ErrorDetails } from './shared/errors.ts';
export type { Clock } from './shared/clock.ts';
export type { PeerId, RoomId, SessionId } from './shared/ids.ts';

export { createRoomLink, formatRoomLink, parseRoomLink } from './protocol/room-link.ts';
export type { RoomLink } from './protocol/room-link.ts';
export { DevicePresence } from './mesh/device-presence.ts';
export type { DeviceFacts, DevicePresenceOptions } from './mesh/device-presence.ts';
export { joinMesh } from './mesh/join-mesh.ts';
export type { JoinMeshOptions } from './mesh/join-mesh.ts';
export type { Member, Mesh, MeshEvent, SignalingState } from './mesh/mesh.ts';
export type { Capabilities } from './protocol/messages.ts';

export { parseGraph, serializeGraph, verifyGraph } from './graph/parse.ts';
export { graphCost } from './graph/inspect.ts';
export type { Graph, GraphInput, ImageEncoding, OpNode, TensorId } from './graph/graph.ts';
export type { Op, OpKind } from './graph/op.ts';
export type { Box, Range, Shape } from './graph/box.ts';
export { loadModel } from './import/load-model.ts';
export type { LoadedModel, LoadModelOptions, OpenBytes } from './import/load-model.ts';
export { NETWORK_NAMES, NETWORKS } from './models/presets.ts';
export type { NetworkName } from './models/presets.ts';
export type { NetworkOptions } from './models/layers.ts';
export { seededModelWeights } from './weights/seeded-model.ts';
export type { SeededWeights } from './weights/seeded-model.ts';
export { encodeImage, pixelInput } from './models/image-encoding.ts';
export type { PixelInput } from './graph/pixels.ts';
export type { FrameInput } from './runtime/frame-input.ts';
export type { WeightSource } from './weights/weight-source.ts';

export { choosePlan } from './planner/search.ts';
export { simulate } from './planner/simulate.ts';
export { parsePlan } from './planner/parse-plan.ts';
export { pipelinePlan } from './planner/pipeline-plan.ts';
export { planWindow } from './planner/plan-window.ts';
export { planBuilder } from './planner/plan-builder.ts';
export type { PlanBuilder } from './planner/plan-builder.ts';
export { parsePlanFile } from './planner/plan-file.ts';
export type { PlanFile, PlanFileContext } from './planner/plan-file.ts';
export { bands, channels, flowing, grid, partialSums, whole } from './planner/splits.ts';
export type { Cut, PeerRef, Split } from './planner/splits.ts';
export { planProblems, verifyPlan } from './planner/verify-plan.ts';
export type { PlanProblem, PlanRule } from './planner/verify-plan.ts';
export type { Codec, WireCodec } from './planner/codec.ts';
export { frameTraffic, withCodec } from './planner/plan-codec.ts';
export type { CodecTraffic } from './planner/plan-codec.ts';
export type { Lane, Plan, PlanInput, Segment, Tile, TileOutput } from './planner/plan.ts';

export type { Engine, LoadedTile } from './engine/engine.ts';
export { installCodecKernels } from './runtime/codec-kernels.ts';
export { measureDevice } from './runtime/measure-device.ts';
export type { MeasureDeviceOptions } from './runtime/measure-device.ts';
export { offerProfile } from './runtime/profile-service.ts';
export type { OfferProfileOptions } from './runtime/profile-service.ts';
export { Survey } from './runtime/survey.ts';
export type { SurveyEvent, SurveyOptions, SurveyPeer } from './runtime/survey.ts';
export type { Presence } from './runtime/presence.ts';
export { RuntimeNode } from './runtime/runtime-node.ts';
export { servePeer } from './runtime/serve-peer.ts';
export type { PeerService, ServeEvent, ServePeerOptions } from './runtime/serve-peer.ts';
export { openSession } from './runtime/session.ts';
export type { Session, SessionEvent, SessionOptions } from './runtime/session.ts';
export { openAdaptiveSession } from './runtime/adaptive-session.ts';
export { openPlannedSession } from './runtime/planned-session.ts';
export type { ChosenPlan, PlannedSessionOptions } from './runtime/planned-session.ts';
export type {
  AdaptiveSession,
  AdaptiveSessionEvent,
  AdaptiveSessionOptions,
} from './runtime/adaptive-session.ts';
export type {
  PeerRoster,
  Replan,
  Replanned,
  ReplanReason,
  RosterChange,
  Situation,
} from './runtime/replan.ts';
export type { ObservedTile } from './runtime/tile-times.ts';
export { meshRoster } from './mesh/mesh-roster.ts';
export { LiveFrames, runInOrder } from './runtime/frame-stream.ts';
export type {
  EncodeFrame,
  FrameInputs,
  FrameOutcome,
  FrameRunner,
  LiveCounts,
  LiveFramesOptions,
  LiveOutcome,
} from './runtime/frame-stream.ts';
export type { FrameResult, TileReport } from './runtime/frames-in-flight.ts';
export { chromeTrace } from './runtime/trace/chrome-trace.ts';
export type { ChromeEvent, ChromeTrace } from './runtime/trace/chrome-trace.ts';
export { summarizeTrace } from './runtime/trace/summary.ts';
export type { TraceSummary } from './runtime/trace/summary.ts';
export type { Trace, TracedDevice, TracedTile, TraceSpan } from './runtime/trace/trace.ts';
export { compareOutputs, loadWholeModel, topPredictions } from './runtime/whole-model.ts';
