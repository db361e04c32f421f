import { css } from 'lit';

/** Of tables of figures: a row each, its name first. */
export const tableStyles = css`
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th,
  td {
    padding: 0.25rem 0 0.25rem 0.75rem;
    text-align: right;
    font-weight: 400;
  }
  tbody th {
    padding-left: 0;
    text-align: left;
  }
  tbody tr {
    border-top: 1px solid var(--pt-line);
  }
`;
