export function unmetRequirement(node: {
  readonly arch: string;
  readonly version: string;
  /** Such as `>=20.19.0`. */
  readonly engines: string;
}): string | undefined;
