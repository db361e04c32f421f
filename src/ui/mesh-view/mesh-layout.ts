import type { PeerId } from '../../shared/ids.ts';
import type { MeshEdge } from './mesh-graph.ts';

/** Side of the square that everything is laid out in. */
export const SIDE = 400;

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface MeshLayout {
  /** Radius of a device. */
  readonly radius: number;
  readonly places: readonly Place[];
  /** Whether names fit beside the devices; numbers do always. */
  readonly hasNames: boolean;
}

const CENTRE = SIDE / 2;
/** More than this and names would run into each other. */
const MOST_NAMES = 8;
/** So many fit on one ring; more are dealt to two, in turn. */
const MOST_ON_RING = 12;
const INNER = 0.62;

/**
 * Places for so many devices: on a ring, clockwise from the top, in the order of arrival; from 13 on every other one on a second,
 * inner ring. The same count gives the same places, so that nobody jumps while nobody comes or goes.
 */
export function meshLayout(count: number): MeshLayout {
  const hasNames = count <= MOST_NAMES;
  const radius = count <= MOST_NAMES ? 22 : count <= MOST_ON_RING ? 19 : 14;
  // Names stand below their device.
  const ring = CENTRE - radius - (hasNames ? 26 : 10);
  if (count === 1) return { radius, places: [{ x: CENTRE, y: CENTRE }], hasNames };
  const places = Array.from({ length: count }, (_, index): Place => {
    const angle = (2 * Math.PI * index) / count - Math.PI / 2;
    const distance = count > MOST_ON_RING && index % 2 === 1 ? INNER * ring : ring;
    return { x: round(CENTRE + distance * Math.cos(angle)), y: round(CENTRE + distance * Math.sin(angle)) };
  });
  return { radius, places, hasNames };
}

/** A tenth of a unit is finer than a pixel. */
const round = (value: number): number => Math.round(value * 10) / 10;

export interface DrawnEdge extends MeshEdge {
  /** A curve that bends to its left, so that both directions can be seen. */
  readonly path: string;
  /** A small triangle on the middle of the curve, pointing along it; absent where nothing passes. */
  readonly arrow?: string;
  readonly width: number;
}

const THINNEST = 1.5;
const THICKEST = 11;

/** Width of a line: a step of three for each tenfold above 1 kB per second. */
export function edgeWidth(bytesPerSecond: number): number {
  if (bytesPerSecond <= 0) return 1;
  return Math.min(THICKEST, THINNEST + 3 * Math.log10(1 + bytesPerSecond / 1000));
}

/** Bend of a curve, as a part of its length. */
const BEND = 0.12;

export function drawEdges(
  edges: readonly MeshEdge[],
  placeOf: ReadonlyMap<PeerId, Place>,
  radius: number,
): DrawnEdge[] {
  return edges.flatMap((edge) => {
    const [from, to] = [placeOf.get(edge.from), placeOf.get(edge.to)];
    if (!from || !to) return [];
    const width = edgeWidth(edge.bytesPerSecond);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(dx, dy);
    if (length <= 2 * radius) return [];
    const [ux, uy] = [dx / length, dy / length];
    const start = { x: from.x + ux * radius, y: from.y + uy * radius };
    const end = { x: to.x - ux * radius, y: to.y - uy * radius };
    if (edge.bytesPerSecond <= 0) {
      return [{ ...edge, width, path: `M${at(start)}L${at(end)}` }];
    }
    const control = { x: (start.x + end.x) / 2 + BEND * dy, y: (start.y + end.y) / 2 - BEND * dx };
    const path = `M${at(start)}Q${at(control)} ${at(end)}`;
    // Half way along a quadratic curve: a quarter of each end and half of the control point. Its direction there is that of the chord.
    const middle = {
      x: (start.x + end.x + 2 * control.x) / 4,
      y: (start.y + end.y + 2 * control.y) / 4,
    };
    const size = width + 3;
    const tip = { x: middle.x + ux * size, y: middle.y + uy * size };
    const left = { x: middle.x - ux * size - uy * size, y: middle.y - uy * size + ux * size };
    const right = { x: middle.x - ux * size + uy * size, y: middle.y - uy * size - ux * size };
    return [{ ...edge, width, path, arrow: `M${at(tip)}L${at(left)}L${at(right)}Z` }];
  });
}

const at = ({ x, y }: Place): string => `${round(x)} ${round(y)}`;

/** Which third of the scale of load a device is in, for its colour. */
export function loadLevel(load: number): 'low' | 'middle' | 'high' {
  return load < 0.4 ? 'low' : load < 0.8 ? 'middle' : 'high';
}
