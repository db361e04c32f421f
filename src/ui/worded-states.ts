import type { Member } from '../mesh/mesh.ts';

/** States that the page has words for, apart from what makes them: `strings.ts` has one for each. */
export type WakeLockState = 'held' | 'released' | 'unavailable';

/** What a browser may lack on a plain-http page or by age, and how that shows. */
export type MissingFeature = 'secure-context' | 'threads' | 'wake-lock';

/** Where the visit stands, in one word: what the headline says and what is announced when it changes. */
export type Phase =
  'starting' | 'connecting' | 'alone' | 'ready' | 'working' | 'paused' | 'leaving' | 'lost' | 'failed';

/** How one of the things stands that a device needs to take part. */
export type CheckState = 'done' | 'doing' | 'waiting' | 'warning' | 'failed';

export type HappeningKind =
  | 'joined'
  | 'left'
  /** It is in the room, and there is no way to it any more. */
  | 'lost'
  | 'interrupted'
  | 'restored'
  | 'paused'
  | 'resumed'
  /** A requester does without it for a while, because it has failed. */
  | 'set-aside'
  | 'readmitted';

/** Of a device in the picture of the mesh. */
export type NodeState = 'self' | Member['state'] | 'reconnecting' | 'departed';

/** What is waited for before a network answers. */
export type LoadStep = 'opening' | 'connecting' | 'planning' | 'loading';

/** How a device of a plan came to compute no longer: without a word, or as it said. */
export type Departure = 'lost' | 'leaving';
