import { lchownSync, lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Containers } from "../container/containers.ts";
import { Installation } from "../container/installation.ts";
import { connectEngine } from "../engine/engine.ts";
import { createDockerProvider } from "../docker-provider.ts";
import { LABELS } from "../hardening/create-body.ts";
import { entriesBelow } from "../workspace/give-tree.ts";
import { HostDirectories } from "../workspace/host-directories.ts";
import { TEST_IMAGE, testEngineOptions } from "./engine.ts";
import { TEST_UIDS } from "./uid.ts";

/**
 * A server that is killed amid claims, one for each step. Its first argument is the workspace root,
 * the second how many keys there are: `user 0` stays unclaimed, the claim of `user 1` ends after its
 * first step, and so on. Says `ready`, and then waits to be killed.
 */
const [root = "", count = "0"] = process.argv.slice(2);
const steps = Number(count);
const provider = await createDockerProvider({
  workspaceRoot: root,
  image: TEST_IMAGE,
  engine: testEngineOptions(),
  warm: { size: steps, refillConcurrency: 2 },
});
while (provider.warmCount < steps) await new Promise((resolve) => setTimeout(resolve, 50));

const engine = await connectEngine(testEngineOptions());
const files = await HostDirectories.open(root, TEST_UIDS);
const installation = new Installation(await files.installationId(undefined));
const containers = new Containers(engine, installation);
const { docker } = engine;
const slots = await containers.listWarm();
for (const [index, { id, slotId }] of slots.entries()) {
  const key = `user ${index}`;
  const keyHash = installation.hashKey(key);
  const claim = join(root, ".claims", `${slotId}.${keyHash}`);
  const user = join(root, keyHash);
  const move = (place: string, share: number): void => {
    const names = readdirSync(join(user, place), { encoding: "buffer" });
    for (const name of names.slice(0, Math.ceil(names.length * share))) {
      const path = (directory: string): Buffer =>
        Buffer.concat([Buffer.from(`${join(directory, place)}/`), name]);
      renameSync(path(user), path(claim));
    }
  };
  const give = async (place: string, share: number): Promise<void> => {
    const { uid } = lstatSync(join(claim, place));
    if (process.getuid?.() !== 0) return;
    const entries = (await entriesBelow(join(claim, place), Infinity)) ?? [];
    for (const path of entries.slice(0, Math.ceil(entries.length * share))) {
      lchownSync(path, uid, uid);
    }
  };
  const all: (() => unknown)[] = [
    () => renameSync(join(root, ".slots", slotId), claim),
    () => files.slots.giveBack({ slotId, keyHash }),
    () => files.slots.take({ slotId, keyHash }, () => installation.seal(key)),
    () => containers.claim(id, keyHash),
    () => mkdirSync(user, { recursive: true }),
    () => renameSync(join(claim, "key"), join(user, "key")),
    () => move("workspace", 0.5),
    () => move("workspace", 1),
    () => give("workspace", 0.5),
    () => give("workspace", 1),
    () => renameSync(join(claim, "workspace"), join(user, "workspace")),
    () => move("home", 0.5),
    () => move("home", 1),
    () => give("home", 0.5),
    () => give("home", 1),
    () => renameSync(join(claim, "home"), join(user, "home")),
    () => files.slots.settle({ slotId, keyHash }, () => Promise.resolve(true)),
  ];
  for (const step of all.slice(0, index)) await step();
}
const label = [`${LABELS.install}=${installation.label}`];
const found = await docker.listContainers({ all: true, filters: { label } });
console.log(`ready ${found.length}`);
setInterval(() => undefined, 60_000);
