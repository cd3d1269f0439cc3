import { resolve } from "node:path";
import { formatReport } from "./format-report.ts";
import { inspectHost } from "./inspect-host.ts";

// Empty variables mean what absent ones mean, as for the server.
const { DOCKER_HOST, DOCKER_CERT_PATH, CARREL_DATA_DIR, CARREL_WORKSPACE_ROOT } = process.env;

const report = await inspectHost({
  ...(DOCKER_HOST && { host: DOCKER_HOST }),
  ...(DOCKER_CERT_PATH && { certificates: DOCKER_CERT_PATH }),
  workspaceRoot: resolve(CARREL_WORKSPACE_ROOT || `${CARREL_DATA_DIR || "./data"}/workspaces`),
});
process.stdout.write(formatReport(report));
process.exitCode = report.usable ? 0 : 1;
