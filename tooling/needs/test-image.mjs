import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { canInstall, installPackages } from "../setup/apt.mjs";
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
 * the tests use, made from Debian's packages, so that no registry is needed.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const testImage = {
  packages: ["@carrel/docker-sandbox"],
  purpose: "the tests in containers",
  async meet() {
    const named = process.env.CARREL_TEST_IMAGE;
    if (named) return { env: { CARREL_TEST_IMAGE: named } };
    const docker = findProgram(["docker"]);
    if (!docker) throw new Failure("the docker command was not found, which makes the image.");
    const { code } = await runStep(docker, ["image", "inspect", IMAGE], { quiet: true });
    if (code !== 0) await make(docker);
    return { env: { CARREL_TEST_IMAGE: IMAGE } };
  },
};

/** @type {(docker: string) => Promise<void>} */
async function make(docker) {
  if (!findProgram(["mmdebstrap"])) {
    if (!canInstall()) {
      throw new Failure(
        `there is no image for the tests; set CARREL_TEST_IMAGE to one that has ${PACKAGES.join(", ")}.`,
      );
    }
    await installPackages("mmdebstrap", ["mmdebstrap"]);
  }
  const archive = join(CACHE, `test-image-${process.pid}.tar`);
  try {
    await step("Making the image for the tests", async () => {
      const include = `--include=${PACKAGES.join(",")}`;
      await run("mmdebstrap", ["--quiet", "--variant=minbase", include, SUITE, archive]);
      await run(docker, ["import", archive, IMAGE]);
    });
  } finally {
    rmSync(archive, { force: true });
  }
}

/** @type {(command: string, args: readonly string[]) => Promise<void>} */
async function run(command, args) {
  const { code, output } = await runStep(command, args, { quiet: true });
  if (code === 0) return;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new Failure(`${command} failed (exit code ${code}):\n${last}`);
}
