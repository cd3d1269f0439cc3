import { createConsoleToolset } from "@carrel/console-toolset";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";

await using provider = createEmbeddedProvider({ root: "./data/workspaces" });
const backend = (await provider.find("alice")) ?? (await provider.create("alice"));
await backend.resume();
const model = new ChatOpenAI({ model: "gpt-5-mini" });
const agent = createAgent({ model, tools: createConsoleToolset({ backend }) });
console.log((await agent.invoke({ messages: "Write hello.py and run it" })).messages.at(-1)?.text);
