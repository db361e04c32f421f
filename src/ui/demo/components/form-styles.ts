import { css } from 'lit';

/** Fields of the views that show something to a network. */
export const formStyles = css`
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    min-height: 0;
    padding: 0;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
    border: 0;
  }
  label.button {
    position: relative;
    display: inline-block;
    min-height: 2.75rem;
    padding: 0.5625rem 1.125rem;
    border: 1px solid var(--pt-accent);
    border-radius: 8px;
    color: var(--pt-accent);
    font-weight: 600;
    cursor: pointer;
  }
  label.button:focus-within,
  select:focus-visible {
    outline: 3px solid var(--pt-accent);
    outline-offset: 2px;
  }
  :is(button[aria-disabled='true'], label.button.off) {
    border-color: var(--pt-line);
    background: var(--pt-sunken);
    color: var(--pt-muted);
    cursor: default;
  }
  select {
    min-height: 2.75rem;
    max-width: 100%;
    padding: 0.5rem 0.75rem;
    border: 1px solid var(--pt-muted);
    border-radius: 8px;
    background: var(--pt-sunken);
    color: var(--pt-text);
    font: inherit;
  }
  input[type='checkbox'] {
    width: 1.25rem;
    min-height: 1.25rem;
    height: 1.25rem;
    accent-color: var(--pt-accent);
    flex: none;
  }
  input[type='file']:not(.visually-hidden) {
    font-family: inherit;
  }
  .check {
    display: inline-flex;
    align-items: center;
    gap: 0.5rem;
    min-height: 2.75rem;
  }
  .field {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.25rem;
    min-width: 0;
    max-width: 100%;
  }
`;
