import type { ReactElement } from "react";
import { VisibleName } from "../ui/visible-text.tsx";
import type { DirectoryPath } from "./relative-path.ts";

export interface BreadcrumbsProps {
  directory: DirectoryPath;
  onGo: (directory: DirectoryPath) => void;
}

export function Breadcrumbs({ directory, onGo }: BreadcrumbsProps): ReactElement {
  const places = ["Files", ...directory];
  return (
    <nav className="breadcrumbs" aria-label="Folder">
      <ol>
        {places.map((name, index) => (
          <li key={index}>
            {index === places.length - 1 ? (
              <span className="crumb" aria-current="page">
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
