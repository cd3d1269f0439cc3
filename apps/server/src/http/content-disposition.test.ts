import { describe, expect, it } from "vitest";
import { attachmentNamed } from "./content-disposition.ts";

describe("the header that names a download", () => {
  it.each([
    ["notes.txt", `attachment; filename="notes.txt"; filename*=UTF-8''notes.txt`],
    ["Übung 1.pdf", `attachment; filename="_bung 1.pdf"; filename*=UTF-8''%C3%9Cbung%201.pdf`],
    ['a"b\\c', `attachment; filename="a_b_c"; filename*=UTF-8''a%22b%5Cc`],
    [
      "it's (1)*.txt",
      `attachment; filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`,
    ],
    ["50%41.txt", `attachment; filename="50_41.txt"; filename*=UTF-8''50%2541.txt`],
  ])("says %j", (name, header) => {
    expect(attachmentNamed(name)).toBe(header);
  });

  it.each(["a\r\nSet-Cookie: x=1", "tab\there", "nul\0", "half \udcff", "😀".repeat(60)])(
    "is one line of ASCII for %j",
    (name) => {
      const header = attachmentNamed(name);
      expect(header).toMatch(/^[ -~]+$/);
      expect(new Headers({ "Content-Disposition": header }).get("Content-Disposition")).toBe(
        header,
      );
    },
  );
});
