import { join } from "node:path";
import { createDockerProvider } from "@carrel/docker-sandbox";

const [image = "python:3.12-slim"] = process.argv.slice(2);
const workspaceRoot = join(import.meta.dirname, "data", "docker");

await using provider = await createDockerProvider({ workspaceRoot, image }).catch(explain);
const sandbox = (await provider.find("alice")) ?? (await provider.create("alice"));
await sandbox.resume();
await sandbox.write("hello.py", 'print("hello from a container")');
console.log((await sandbox.execute("python3 hello.py")).stdout);
await sandbox.stop(); // the files stay, and the next run finds them

function explain(error: unknown): never {
  if (!(error instanceof Error && error.name === "SandboxError")) throw error;
  console.error(`${error.message} CARREL_IMAGE, or an argument, names another image.`);
  process.exit(1);
}
