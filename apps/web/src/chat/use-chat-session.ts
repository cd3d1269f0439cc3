import { useEffect, useState, useSyncExternalStore } from "react";
import { createChatApi } from "../api/chat-api.ts";
import { ChatSession } from "./chat-session.ts";
import type { ChatSurroundings } from "./chat-session.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";

/** A hidden page is not drawn, but should be up to date when it is looked at. */
const HIDDEN_FRAME_MS = 250;

const BROWSER: ChatSurroundings = {
  wait: (delayMs, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => clearTimeout(timer));
  },
  random: Math.random,
  onNextFrame: (callback) => {
    if (document.hidden) setTimeout(callback, HIDDEN_FRAME_MS);
    else requestAnimationFrame(callback);
  },
};

/** The conversation of one session, for as long as the component is there. */
export function useChatSession(sessionId: string): [ChatSession, ChatSnapshot] {
  const [chat] = useState(() => new ChatSession(createChatApi(sessionId), BROWSER));
  useEffect(() => chat.start(), [chat]);
  useEffect(() => {
    const refresh = () => {
      if (!document.hidden) chat.refresh();
    };
    window.addEventListener("online", refresh);
    document.addEventListener("visibilitychange", refresh);
    return () => {
      window.removeEventListener("online", refresh);
      document.removeEventListener("visibilitychange", refresh);
    };
  }, [chat]);
  return [chat, useSyncExternalStore(chat.subscribe, chat.snapshot)];
}
