import { useEffect, useState } from "react";
import type { ReactElement } from "react";
import { Icon } from "./icon.tsx";

const SHOWN_MS = 1500;

/** @param text is called at the click, so that nothing is gathered before */
export function CopyButton({ label, text }: { label: string; text: () => string }): ReactElement {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setCopied(true);
    } catch {
      // Refused by the browser: the text can still be selected by hand.
      setCopied(false);
    }
  };
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={copied ? "Copied" : label}
      title={copied ? "Copied" : label}
      onClick={() => void copy()}
    >
      <Icon name={copied ? "check" : "copy"} />
    </button>
  );
}
