import { randomUUID } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { CARRIER_LABEL } from "./carrier.ts";

const GIVE_TIMEOUT_MS = 10 * 60_000;

export interface GiveVolumesOptions {
  /** Has `chown`, as every image with `/bin/sh` does. */
  imageId: string;
  volumes: readonly string[];
  uid: number;
}

/**
 * Gives all that is in volumes to a uid and its group, by a container that runs once: root, without a
 * network, with the capabilities to look and to give away, and with nothing but the volumes to write to.
 * It follows no link.
 * @throws `unavailable`
 */
export async function giveVolumes(
  engine: Engine,
  { imageId, volumes, uid }: GiveVolumesOptions,
): Promise<void> {
  const root = "/tmp";
  const targets = volumes.map((_, index) => `${root}/${index}`);
  const container = await engine.call("create a container", (abortSignal) =>
    engine.docker.createContainer({
      name: `carrel-carrier-${randomUUID()}`,
      Image: imageId,
      User: "0:0",
      Entrypoint: ["chown"],
      Cmd: ["-h", "-R", "-P", `${uid}:${uid}`, ...targets],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      WorkingDir: "/",
      Healthcheck: { Test: ["NONE"] },
      Labels: { [CARRIER_LABEL]: "true" },
      NetworkDisabled: true,
      HostConfig: {
        NetworkMode: "none",
        CapDrop: ["ALL"],
        CapAdd: ["CHOWN", "DAC_READ_SEARCH"],
        SecurityOpt: ["no-new-privileges:true"],
        ReadonlyRootfs: true,
        Tmpfs: { [root]: "rw,nosuid,nodev,noexec,size=64k" },
        LogConfig: { Type: "none", Config: {} },
        PidsLimit: 16,
        Mounts: volumes.map((volume, index) => ({
          Type: "volume",
          Source: volume,
          Target: targets[index] ?? root,
          VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } },
        })),
      },
      abortSignal,
    }),
  );
  try {
    await engine.call("give files to a sandbox", (abortSignal) => container.start({ abortSignal }));
    const { StatusCode: status } = (await engine.call(
      "give files to a sandbox",
      (abortSignal) => container.wait({ abortSignal }),
      { timeoutMs: GIVE_TIMEOUT_MS },
    )) as { StatusCode: number };
    if (status !== 0) throw notGiven(status);
  } finally {
    await engine.call("remove a container", (abortSignal) =>
      container.remove({ force: true, v: true, abortSignal }),
    );
  }
}

function notGiven(status: number): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The files of a sandbox could not all be given to its uid (chown in the sandboxes' image ended with ${status}); none is lost. See that the image has chown, and try again.`,
  });
}
