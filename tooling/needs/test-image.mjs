import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInstall, installPackages } from "../setup/apt.mjs";
import { findDocker, hasImage } from "../setup/docker.mjs";
import { Failure } from "../setup/failure.mjs";
import { findProgram } from "../setup/find-program.mjs";
import { step } from "../setup/progress.mjs";
import { CACHE } from "../setup/repository.mjs";
import { runStep } from "../setup/run-process.mjs";

const SUITE = "bookworm";
const PACKAGES = ["bash", "ca-certificates", "git", "procps", "python3"];
const RECIPE = `${SUITE} ${PACKAGES.join(" ")}`;
const IMAGE = `carrel-test:${createHash("sha256").update(RECIPE).digest("hex").slice(0, 12)}`;

/**
 * The image that the tests run sandboxes of, named to them by `CARREL_TEST_IMAGE`: Debian with what
 * the tests use. On Debian it is made from Debian's packages, so that no registry is needed.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const testImage = {
  packages: ["@carrel/docker-sandbox", "@carrel/fault-harness", "@carrel/server"],
  purpose: "the tests in containers",
  async meet() {
    const named = process.env.CARREL_TEST_IMAGE;
    if (named) return { env: { CARREL_TEST_IMAGE: named } };
    const docker = findDocker();
    if (!docker) throw new Failure("the docker command was not found, which makes the image.");
    if (!(await hasImage(docker, IMAGE))) {
      await step("Making the image for the tests", () =>
        canInstall() ? importDebian(docker) : buildImage(docker),
      );
    }
    return { env: { CARREL_TEST_IMAGE: IMAGE } };
  },
};

/** @type {(docker: string) => Promise<void>} */
async function importDebian(docker) {
  if (!findProgram(["mmdebstrap"])) await installPackages("mmdebstrap", ["mmdebstrap"]);
  const archive = join(CACHE, `test-image-${process.pid}.tar`);
  try {
    const include = `--include=${PACKAGES.join(",")}`;
    await run("mmdebstrap", ["--quiet", "--variant=minbase", include, SUITE, archive]);
    await run(docker, ["import", archive, IMAGE]);
  } finally {
    rmSync(archive, { force: true });
  }
}

/** @type {(docker: string) => Promise<void>} */
async function buildImage(docker) {
  const directory = mkdtempSync(join(tmpdir(), "carrel-test-image-"));
  try {
    const install = `apt-get install -y --no-install-recommends ${PACKAGES.join(" ")}`;
    const recipe = `FROM debian:${SUITE}-slim\nRUN apt-get update && ${install}\n`;
    writeFileSync(join(directory, "Dockerfile"), recipe);
    await run(docker, ["build", "--quiet", "--tag", IMAGE, directory]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @type {(command: string, args: readonly string[]) => Promise<void>} */
async function run(command, args) {
  const { code, output } = await runStep(command, args, { quiet: true });
  if (code === 0) return;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new Failure(`${command} failed (exit code ${code}):\n${last}`);
}
