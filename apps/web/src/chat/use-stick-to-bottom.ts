import { useCallback, useEffect, useRef, useState } from "react";
import type { RefObject } from "react";

const NEAR_PX = 48;

export interface StickToBottom {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  /** The end is in view, and stays so while the content grows. */
  atBottom: boolean;
  toBottom: () => void;
}

/** Keeps the end of growing content in view, until the person scrolls up. */
export function useStickToBottom(): StickToBottom {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [atBottom, setAtBottom] = useState(true);

  const toBottom = useCallback(() => {
    stuck.current = true;
    setAtBottom(true);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (!element || !content.current) return;
    let lastTop = element.scrollTop;
    const onScroll = () => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      // Growing content moves the end away without scrolling: only moving up lets go of it.
      if (near) stuck.current = true;
      else if (scrollTop < lastTop) stuck.current = false;
      lastTop = scrollTop;
      setAtBottom(stuck.current);
    };
    const observer = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
      else onScroll();
    });
    element.addEventListener("scroll", onScroll, { passive: true });
    observer.observe(element);
    observer.observe(content.current);
    return () => {
      element.removeEventListener("scroll", onScroll);
      observer.disconnect();
    };
  }, []);

  return { scroller, content, atBottom, toBottom };
}
