import { randomUUID } from "node:crypto";
import type { Container } from "dockerode";
import type { Engine } from "../engine/engine.ts";

/** Marks containers that carry files into volumes, and are removed right after. */
export const CARRIER_LABEL = "carrel.carrier";
/** One that is older was left by a process that was killed. */
const ABANDONED_AFTER_MS = 2 * 60_000;

export interface CarrierMount {
  volume: string;
  /** Name of the volume's directory in the carrier. */
  name: string;
  labels: Record<string, string>;
}

/**
 * A container that never starts, to reach into volumes by the engine's archive routes: so it works
 * with an engine on another machine and with any image. Volumes that are missing are made.
 * @param imageId any image: none of it runs
 * @param use is told where in the carrier the volumes are, each under its name
 */
export async function withCarrier<Result>(
  engine: Engine,
  imageId: string,
  mounts: readonly CarrierMount[],
  use: (carrier: Container, root: string) => Promise<Result>,
): Promise<Result> {
  // Drawn anew each time: what stands there in an image, a link for one, cannot be foreseen.
  const root = `/carrel-${randomUUID()}`;
  const carrier = await engine.call("create a container", (abortSignal) =>
    engine.docker.createContainer({
      name: `carrel-carrier-${randomUUID()}`,
      Image: imageId,
      Entrypoint: ["/none"],
      Labels: { [CARRIER_LABEL]: "true" },
      HostConfig: {
        NetworkMode: "none",
        Mounts: mounts.map(({ volume, name, labels }) => ({
          Type: "volume",
          Source: volume,
          Target: `${root}/${name}`,
          VolumeOptions: {
            NoCopy: true,
            Labels: labels,
            DriverConfig: { Name: "local", Options: {} },
          },
        })),
      },
      abortSignal,
    }),
  );
  try {
    return await use(carrier, root);
  } finally {
    await engine.call("remove a container", (abortSignal) =>
      carrier.remove({ force: true, v: true, abortSignal }),
    );
  }
}

/** Removes the carriers that killed processes left. No carrier runs for long, whichever process made it. */
export async function removeAbandonedCarriers(engine: Engine): Promise<void> {
  const filters = { label: [CARRIER_LABEL], status: ["created", "exited"] };
  const found = await engine.call("look for containers that were left", (abortSignal) =>
    engine.docker.listContainers({ all: true, filters, abortSignal }),
  );
  const isAbandoned = ({ Created }: { Created: number }): boolean =>
    Date.now() - Created * 1000 > ABANDONED_AFTER_MS;
  for (const { Id } of found.filter(isAbandoned)) {
    await engine.call("remove a container that was left", (abortSignal) =>
      engine.docker.getContainer(Id).remove({ force: true, v: true, abortSignal }),
    );
  }
}
