import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { OpeningPage } from "./opening-page.tsx";

function textOf(progress: Parameters<typeof OpeningPage>[0]["progress"]): string {
  const markup = renderToStaticMarkup(<OpeningPage progress={progress} onCancel={() => {}} />);
  return markup.replaceAll(/<[^>]+>/g, "");
}

test("a session that is opened says what it waits for", () => {
  expect(textOf(null)).toContain("Opening your session …");
  expect(textOf({ phase: "queued" })).toContain("Waiting for your turn …");
  expect(textOf({ phase: "waking" })).toContain("Waking your computer …");
  const pulling = textOf({ phase: "pulling", detail: "python:3.12-slim: 2 of 5 layers" });
  expect(pulling).toContain("Pulling the image …python:3.12-slim: 2 of 5 layers");
});
