import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Notice } from "./notice.tsx";

test("a limit of the user: is told in the server's words alone", () => {
  const message = "This user has as many open sessions as one user may have (1). End a session.";
  const html = renderToStaticMarkup(<Notice tone="error" error={{ code: "capacity", message }} />);
  expect(html).toContain(message);
  expect(html.match(/<span/g)).toHaveLength(1);
});
