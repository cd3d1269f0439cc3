import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ApiError, networkError } from "../api/api-error.ts";
import { LostConnection } from "./chat-notices.tsx";

function render(error: ApiError): string {
  const link = { state: "waiting", attempt: 3 };
  return renderToStaticMarkup(<LostConnection link={link} error={error} onRetry={() => {}} />);
}

test("a server that refuses: its own words are shown, and not that it is away", () => {
  const message = "This user has as many event streams open as one user may have at a time (1).";
  const html = render(new ApiError({ code: "capacity", message, status: 429 }));
  expect(html).toContain(message);
  expect(html).toContain("Trying again");
  expect(html).not.toContain("cannot be reached");
  expect(html).not.toContain("Carrel server is running");
});

test("a server that is away: the page says so, and what to look at", () => {
  const html = render(networkError("The server cannot be reached (HTTP 502)."));
  expect(html).toContain("The server cannot be reached. Trying again");
  expect(html).toContain("Carrel server is running");
});
