import type { WireHealth } from "@carrel/server";
import type { ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";
import { Popover } from "../ui/popover.tsx";
import { VisibleName } from "../ui/visible-text.tsx";

const ISOLATION = {
  process: "process isolation",
  container: "container isolation",
  "virtual-machine": "virtual machine",
} as const satisfies Record<WireHealth["sandbox"]["isolation"], string>;

/** Which sandbox runs and how it is isolated, and which model answers. */
export function HealthBadges({ health }: { health: WireHealth | null }): ReactElement | null {
  if (!health) return null;
  const { sandbox, model, version } = health;
  return (
    <>
      <Popover
        className={sandbox.fallback ? "pill pill-warning" : "pill"}
        testId="sandbox-badge"
        button={
          <>
            <Icon name={sandbox.fallback ? "alert" : "shield"} />
            <span className="pill-text">
              {sandbox.provider}
              <span className="pill-detail"> · {ISOLATION[sandbox.isolation]}</span>
            </span>
          </>
        }
      >
        <strong>
          Sandbox: {sandbox.provider}, {ISOLATION[sandbox.isolation]}
        </strong>
        <p>{sandbox.description}</p>
        <p>Why this one: {sandbox.reason}</p>
        <p className="muted">Carrel {version}</p>
      </Popover>
      <Popover
        className={model.demo ? "pill pill-warning" : "pill"}
        testId="model-badge"
        button={
          model.demo ? (
            <span>demo – no AI</span>
          ) : (
            <span className="pill-text">
              <VisibleName name={model.name} />
            </span>
          )
        }
      >
        {model.demo ? (
          <>
            <strong>No AI answers here</strong>
            <p>
              The demo model follows fixed rules, so that you can see how writing, running and
              listing files work. Set OPENAI_API_KEY or CARREL_MODEL on the server for a real model.
            </p>
          </>
        ) : (
          <>
            <strong>Model</strong>
            <p>
              <VisibleName name={model.name} />
            </p>
          </>
        )}
      </Popover>
    </>
  );
}
