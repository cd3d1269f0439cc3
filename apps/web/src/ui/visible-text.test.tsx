import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { VisibleName, VisibleText } from "./visible-text.tsx";

test("a hostile name is text, isolated from its surroundings", () => {
  const html = renderToStaticMarkup(
    <VisibleName name={'"><img src=x onerror=alert(1)>\u202e\n'} />,
  );
  expect(html).toBe(
    '<bdi class="visible-name">&quot;&gt;&lt;img src=x onerror=alert(1)&gt;<span class="escape">\\u202e</span><span class="escape">\\n</span></bdi>',
  );
});

test("a text keeps its lines", () => {
  expect(renderToStaticMarkup(<VisibleText text={"a\n\tb"} />)).toBe("a\n\tb");
});
