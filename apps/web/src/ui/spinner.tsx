import type { ReactElement } from "react";

/** Decoration only: what is going on stands beside it as text. */
export function Spinner(): ReactElement {
  return <span className="spinner" aria-hidden="true" />;
}
