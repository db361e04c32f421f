import { css } from 'lit';

/** Of what went wrong, in words. */
export const noticeStyles = css`
  .notice {
    border-left: 4px solid var(--pt-bad);
    border-radius: 6px;
    background: var(--pt-bad-surface);
    padding: 0.75rem 1rem;
  }
  .what {
    font-weight: 600;
  }
  .detail {
    margin-top: 0.375rem;
  }
`;
