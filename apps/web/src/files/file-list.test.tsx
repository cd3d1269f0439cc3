import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { FileList } from "./file-list.tsx";

function render(count: number, isComplete: boolean): string {
  const entries = Array.from({ length: count }, (_, index) => ({
    name: `n${index}`,
    path: `/w/n${index}`,
    is_dir: false,
    size: 0,
    modified_at: "2026-01-01T00:00:00Z",
  }));
  const ignore = () => {};
  return renderToStaticMarkup(
    <FileList
      sessionId="ses_1"
      directory={[]}
      entries={entries}
      isComplete={isComplete}
      isReading={false}
      focusedPath={null}
      onOpen={ignore}
      onDelete={ignore}
      onReadMore={ignore}
    />,
  );
}

test("a directory of which all is read offers no more", () => {
  expect(render(200, true)).not.toContain("Show");
  expect(render(200, true)).toContain("Filter 200 names");
});

test("a directory of which a part is read says so, and offers more once all of that is shown", () => {
  expect(render(200, false)).toContain("200 files loaded; there are more");
  expect(render(200, false)).toContain("Load more");
  expect(render(200, false)).toContain("Filter the loaded 200 names");
  expect(render(1000, false)).toContain("1,000 files loaded; there are more");
  expect(render(1000, false)).toContain("Show 300 more files of 700 loaded");
  expect(render(1000, false)).not.toContain("Load more");
  expect(render(1000, true)).toContain("Show 300 more files of 700<");
});
