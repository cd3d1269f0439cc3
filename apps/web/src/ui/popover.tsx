import { useEffect, useId, useRef, useState } from "react";
import type { ReactElement, ReactNode } from "react";

export interface PopoverProps {
  className: string;
  /** What the button shows. */
  button: ReactNode;
  /** Name of the button where what it shows does not say enough. */
  label?: string;
  testId?: string;
  align?: "start" | "end";
  children: ReactNode;
}

/** A button that opens a panel below it; Escape, a click elsewhere or moving on closes it. */
export function Popover(props: PopoverProps): ReactElement {
  const { className, button, label, testId, align = "start", children } = props;
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const panelId = useId();

  useEffect(() => {
    if (!open) return;
    const closeOutside = (event: Event) => {
      if (!(event.target instanceof Node && root.current?.contains(event.target))) setOpen(false);
    };
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      root.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", closeOutside);
    document.addEventListener("focusin", closeOutside);
    document.addEventListener("keydown", closeOnEscape);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
      document.removeEventListener("focusin", closeOutside);
      document.removeEventListener("keydown", closeOnEscape);
    };
  }, [open]);

  return (
    <div className="popover-root" ref={root}>
      <button
        type="button"
        className={className}
        aria-label={label}
        aria-expanded={open}
        aria-controls={panelId}
        data-testid={testId}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      <div id={panelId} className={`popover popover-${align}`} hidden={!open}>
        {children}
      </div>
    </div>
  );
}
