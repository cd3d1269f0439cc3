import { useEffect, useState, useSyncExternalStore } from "react";
import { createChatApi } from "../api/chat-api.ts";
import { ChatSession } from "./chat-session.ts";
import type { ChatSurroundings } from "./chat-session.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";

/** A hidden page is not drawn, but should be up to date when it is looked at. */
const HIDDEN_FRAME_MS = 250;

/** How often a page that is looked at asks for what other pages of its session do. */
const POLL_MS = 5000;

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
  useEffect(() => pollWhileVisible(chat), [chat]);
  return [chat, useSyncExternalStore(chat.subscribe, chat.snapshot)];
}

function pollWhileVisible(chat: ChatSession): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  const poll = async () => {
    if (!document.hidden) await chat.poll();
    if (!stopped) timer = setTimeout(next, POLL_MS);
  };
  const next = () => void poll();
  timer = setTimeout(next, POLL_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
