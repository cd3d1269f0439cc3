import { memo, useDeferredValue, useMemo } from "react";
import type { ReactElement, ReactNode } from "react";
import Markdown from "react-markdown";
import type { Components, Options } from "react-markdown";
import remarkGfm from "remark-gfm";
import "./answer-text.css";
import { CopyButton } from "../ui/copy-button.tsx";
import { RenderBoundary } from "../ui/render-boundary.tsx";
import { VisibleText } from "../ui/visible-text.tsx";
import { safeHref } from "./link-policy.ts";
import { splitAnswer } from "./split-answer.ts";

/**
 * What the agent says. Its Markdown is formatted, but nothing in it becomes markup of this page or
 * loads anything: HTML is text, images are links, links are whole web or mail addresses.
 */
export const AnswerText = memo(function AnswerText({ text }: { text: string }): ReactElement {
  const deferred = useDeferredValue(text);
  const { pieces, dropped } = useMemo(() => splitAnswer(deferred), [deferred]);
  return (
    <div className="answer" dir="auto">
      {pieces.map((piece, index) =>
        piece.formatted ? (
          <FormattedText key={index} text={piece.text} />
        ) : (
          <PlainText key={index} text={piece.text} />
        ),
      )}
      {dropped > 0 && (
        <p className="muted">
          {dropped.toLocaleString("en")} more characters are not shown.{" "}
          <CopyButton label="Copy the whole answer" text={() => text} />
        </p>
      )}
    </div>
  );
});

function PlainText({ text }: { text: string }): ReactElement {
  return (
    <pre className="answer-plain">
      <VisibleText text={text} />
    </pre>
  );
}

const FormattedText = memo(function FormattedText({ text }: { text: string }): ReactElement {
  const plain = <PlainText text={text} />;
  return <RenderBoundary fallback={plain}>{formatted(text) ?? plain}</RenderBoundary>;
});

/** `null` where the text cannot be formatted: the library fails on what is nested very deeply. */
function formatted(text: string): ReactElement | null {
  try {
    return Markdown({
      children: text,
      remarkPlugins: REMARK_PLUGINS,
      allowedElements: ALLOWED_ELEMENTS,
      unwrapDisallowed: true,
      urlTransform,
      components: COMPONENTS,
    });
  } catch {
    // Whatever the reason, the text itself can be shown.
    return null;
  }
}

const REMARK_PLUGINS = [remarkGfm];

const ALLOWED_ELEMENTS =
  "p br hr strong em del code pre blockquote a img input ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td".split(
    " ",
  );

const urlTransform: Options["urlTransform"] = (url) => safeHref(url) ?? "";

// The page has headings of its own above those of an answer.
const COMPONENTS: Components = {
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h4>{children}</h4>,
  h3: ({ children }) => <h5>{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
  h6: ({ children }) => <h6>{children}</h6>,
  a: ({ href, children }) => <SafeLink href={href}>{children}</SafeLink>,
  img: ({ src, alt }) => (
    <SafeLink href={typeof src === "string" ? src : undefined}>
      {alt ? `Image: ${alt}` : "Image"}
    </SafeLink>
  ),
  code: ({ children }) => (
    <code>{typeof children === "string" ? <VisibleText text={children} /> : children}</code>
  ),
  pre: ({ children, node }) => (
    <div className="answer-code">
      <CopyButton label="Copy code" text={() => textOf(node)} />
      <pre tabIndex={0}>{children}</pre>
    </div>
  ),
  table: ({ children }) => (
    <div className="answer-table" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
};

function SafeLink({
  href,
  children,
}: {
  href: string | undefined;
  children: ReactNode;
}): ReactElement {
  if (!href) return <span>{children}</span>;
  return (
    <a href={href} title={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

interface TextNode {
  type: string;
  value?: string;
  children?: readonly TextNode[];
}

function textOf(node: TextNode | undefined): string {
  if (!node) return "";
  return node.type === "text" ? (node.value ?? "") : (node.children ?? []).map(textOf).join("");
}
