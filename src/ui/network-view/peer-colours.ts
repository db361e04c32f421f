import { css, unsafeCSS } from 'lit';

/** So many colours are told apart; with more devices they come again, and numbers tell. */
export const PEER_COLOURS = 8;

/** Classes `peer-0` … for shapes and for boxes; colours come from the custom properties of theme.css. */
export const peerColours = css`
  ${unsafeCSS(
    Array.from(
      { length: PEER_COLOURS },
      (_, index) =>
        `.peer-${index} { fill: var(--pt-peer-${index}); background-color: var(--pt-peer-${index}); }`,
    ).join('\n'),
  )}
`;

export const peerClass = (index: number): string => `peer-${index % PEER_COLOURS}`;
