import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { formatReport } from "./format-report.ts";
import { inspectHost } from "./inspect-host.ts";

// Empty variables mean what absent ones mean, as for the server.
const { DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, CARREL_NETWORK } = process.env;
const { CARREL_DATA_DIR, CARREL_WORKSPACE_ROOT, CARREL_IMAGE, CARREL_RUNTIME } = process.env;

const certificates = DOCKER_CERT_PATH || (DOCKER_TLS_VERIFY && join(homedir(), ".docker"));
const workspaces = CARREL_WORKSPACE_ROOT || join(CARREL_DATA_DIR || "./data", "workspaces");

const report = await inspectHost({
  ...(DOCKER_HOST && { host: DOCKER_HOST }),
  ...(certificates && { certificates: resolve(certificates) }),
  workspaceRoot: resolve(workspaces, "docker"),
  settings: {
    ...(CARREL_IMAGE && { image: CARREL_IMAGE }),
    ...(CARREL_RUNTIME && { runtime: CARREL_RUNTIME }),
    ...(CARREL_NETWORK === "bridge" && { network: CARREL_NETWORK }),
  },
});
process.stdout.write(formatReport(report));
process.exitCode = report.usable ? 0 : 1;
