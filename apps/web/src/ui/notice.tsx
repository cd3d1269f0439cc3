import type { ReactElement, ReactNode } from "react";
import { adviceFor } from "../api/api-error.ts";
import { VisibleText } from "./visible-text.tsx";
import { Icon } from "./icon.tsx";

export interface NoticeProps {
  tone: "error" | "warning" | "plain";
  title?: string;
  /** What went wrong; its message and what can be done about it are shown. */
  error?: { code: string; message: string };
  /** More text. */
  children?: ReactNode;
  actions?: ReactNode;
}

/** Something that a person must know, at the place where it happened. */
export function Notice({ tone, title, error, children, actions }: NoticeProps): ReactElement {
  const advice = error ? adviceFor(error.code) : null;
  return (
    <div className={`notice notice-${tone}`} role={tone === "error" ? "alert" : "status"}>
      <Icon name="alert" />
      <div className="notice-text">
        {title !== undefined && <strong>{title}</strong>}
        {error && (
          <span>
            <VisibleText text={error.message} />
          </span>
        )}
        {advice !== null && <span>{advice}</span>}
        {children}
      </div>
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
    </div>
  );
}
