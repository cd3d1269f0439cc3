import { useEffect, useRef } from "react";
import type { ReactElement } from "react";
import { VisibleName } from "../ui/visible-text.tsx";
import type { DirectoryPath } from "./relative-path.ts";

export interface BreadcrumbsProps {
  directory: DirectoryPath;
  onGo: (directory: DirectoryPath) => void;
}

export function Breadcrumbs({ directory, onGo }: BreadcrumbsProps): ReactElement {
  const places = ["Files", ...directory];
  const current = useRef<HTMLSpanElement>(null);
  const shown = useRef(directory);
  useEffect(() => {
    // What was clicked is gone from the page: going on with the keyboard begins at the new place.
    if (shown.current !== directory) current.current?.focus({ preventScroll: true });
    shown.current = directory;
    current.current?.scrollIntoView({ block: "nearest", inline: "end" });
  }, [directory]);
  return (
    <nav className="breadcrumbs" aria-label="Folder">
      <ol>
        {places.map((name, index) => (
          <li key={index}>
            {index === places.length - 1 ? (
              <span ref={current} className="crumb" aria-current="page" tabIndex={-1}>
                <VisibleName name={name} />
              </span>
            ) : (
              <button
                type="button"
                className="crumb"
                onClick={() => onGo(directory.slice(0, index))}
              >
                <VisibleName name={name} />
              </button>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
