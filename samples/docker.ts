import { join } from "node:path";
import { createDockerProvider } from "@carrel/docker-sandbox";

const [image = "python:3.12-slim"] = process.argv.slice(2);
const workspaceRoot = join(import.meta.dirname, "data", "docker");

await using provider = await createDockerProvider({ workspaceRoot, image });
const sandbox = (await provider.find("alice")) ?? (await provider.create("alice"));
await sandbox.resume();
await sandbox.write("hello.py", 'print("hello from a container")');
console.log((await sandbox.execute("python3 hello.py")).stdout);
await sandbox.stop(); // the files stay, and the next run finds them
