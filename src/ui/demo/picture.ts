/** Extents in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of a picture, in its pixels; fractions are allowed. */
export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/** The largest centred area of a picture with that aspect (width over height): what a network of such an input gets to see. */
export function centreArea(picture: Size, aspect: number): Area {
  const width = Math.min(picture.width, picture.height * aspect);
  const height = width / aspect;
  return { left: (picture.width - width) / 2, top: (picture.height - height) / 2, width, height };
}

/** The same aspect with no side longer than `mostPixels`, in whole pixels; a smaller picture keeps its size. */
export function fitted({ width, height }: Size, mostPixels: number): Size {
  const scale = Math.min(1, mostPixels / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export function scaledArea({ left, top, width, height }: Area, factor: number): Area {
  return { left: left * factor, top: top * factor, width: width * factor, height: height * factor };
}
