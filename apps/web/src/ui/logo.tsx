import type { ReactElement } from "react";

/** A desk with a lamp. */
export function Logo(): ReactElement {
  return (
    <svg className="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect className="logo-ground" width="32" height="32" rx="8" />
      <path
        className="logo-desk"
        d="M8 24V9.5A1.5 1.5 0 0 1 9.5 8h13A1.5 1.5 0 0 1 24 9.5V24M8 18h16"
      />
      <circle className="logo-lamp" cx="16" cy="13" r="1.8" />
    </svg>
  );
}
