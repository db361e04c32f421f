import { css } from 'lit';

/** What every component of the page shares; colours come from the custom properties of theme.css. */
export const sharedStyles = css`
  :host {
    display: block;
  }
  :host([hidden]) {
    display: none;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  dl,
  dd,
  ul {
    margin: 0;
    padding: 0;
  }
  ul {
    list-style: none;
  }
  h2 {
    font-size: 1.0625rem;
    line-height: 1.4;
  }
  h3 {
    font-size: 1rem;
  }
  .muted {
    color: var(--pt-muted);
  }
  .small {
    font-size: 0.875rem;
  }
  .number {
    font-variant-numeric: tabular-nums;
  }
  .mono {
    font-family: var(--pt-mono);
    font-size: 0.875em;
    overflow-wrap: anywhere;
  }
  .card {
    background: var(--pt-surface);
    border: 1px solid var(--pt-line);
    border-radius: var(--pt-radius);
    padding: 1rem 1.125rem 1.125rem;
  }
  .card > h2 {
    margin-bottom: 0.75rem;
  }
  dl.facts {
    display: grid;
    grid-template-columns: minmax(6.5rem, auto) 1fr;
    gap: 0.375rem 1rem;
  }
  dl.facts dt {
    color: var(--pt-muted);
  }
  dl.facts dd {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  a {
    color: var(--pt-accent);
  }
  button,
  a.button {
    display: inline-block;
    min-height: 2.75rem;
    padding: 0.5625rem 1.125rem;
    border: 1px solid var(--pt-accent);
    border-radius: 8px;
    background: var(--pt-accent);
    color: var(--pt-on-accent);
    font: inherit;
    font-weight: 600;
    text-decoration: none;
    cursor: pointer;
  }
  button.quiet {
    background: transparent;
    color: var(--pt-accent);
  }
  button[aria-disabled='true'] {
    border-color: var(--pt-line);
    background: var(--pt-sunken);
    color: var(--pt-muted);
    cursor: default;
  }
  :is(a, button, input, select, summary, .scroll):focus-visible {
    outline: 3px solid var(--pt-accent);
    outline-offset: 2px;
    border-radius: 6px;
  }
  summary {
    cursor: pointer;
    color: var(--pt-accent);
  }
  input,
  select {
    min-height: 2.75rem;
    min-width: 0;
    width: 100%;
    padding: 0.5rem 0.75rem;
    border: 1px solid var(--pt-muted);
    border-radius: 8px;
    background: var(--pt-sunken);
    color: var(--pt-text);
    font-family: var(--pt-mono);
    font-size: 0.875rem;
  }
  select {
    width: auto;
    max-width: 100%;
    font-family: inherit;
    font-size: 1rem;
  }
  .good {
    color: var(--pt-good);
  }
  .wait {
    color: var(--pt-wait);
  }
  .bad {
    color: var(--pt-bad);
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
