import { describe, expect, it } from "vitest";
import { checkLimits } from "../limits.ts";
import { LABELS, createBody } from "./create-body.ts";
import type { ContainerSpec } from "./create-body.ts";
import { seccompProfile } from "./seccomp-profile.ts";

const SPEC: ContainerSpec = {
  installation: "the installation",
  owner: { keyHash: "the key's hash", sealedKey: "the sealed key" },
  sandboxId: "docker-0123456789abcdef",
  imageId: "sha256:the-image",
  imagePath: "/opt/image/bin:/usr/bin:/bin",
  architecture: "amd64",
  agentVolume: "carrel-agent-hash",
  files: { type: "bind", workspace: "/srv/hash/workspace", home: "/srv/hash/home" },
  uid: 61_000,
  limits: checkLimits(),
  network: "none",
  hostsFile: "/srv/hosts",
  persistRoot: false,
  ociRuntime: undefined,
  sharesKernel: true,
  env: {},
};

const specHash = (change: Partial<ContainerSpec>): string | undefined =>
  createBody({ ...SPEC, ...change }).Labels[LABELS.spec];

/** The body, with the filter of system calls named and not written out. */
function shownBody(change: Partial<ContainerSpec> = {}): object {
  const body = createBody({ ...SPEC, ...change });
  const filter = `seccomp=${JSON.stringify(seccompProfile(SPEC.architecture))}`;
  const SecurityOpt = body.HostConfig.SecurityOpt.map((option) =>
    option === filter ? "seccomp=<the profile>" : option,
  );
  return { ...body, HostConfig: { ...body.HostConfig, SecurityOpt } };
}

describe("What the engine is asked for", () => {
  it("is this, and nothing else", () => {
    expect(shownBody()).toMatchInlineSnapshot(`
      {
        "Cmd": [],
        "Entrypoint": [
          "/carrel/carrel-agent",
          "init",
        ],
        "Env": [
          "CARGO_HOME=/home/agent/.cargo",
          "CARGO_INSTALL_ROOT=/home/agent/.local",
          "DEBIAN_FRONTEND=noninteractive",
          "GIT_CONFIG_COUNT=4",
          "GIT_CONFIG_KEY_0=safe.directory",
          "GIT_CONFIG_KEY_1=user.name",
          "GIT_CONFIG_KEY_2=user.email",
          "GIT_CONFIG_KEY_3=init.defaultBranch",
          "GIT_CONFIG_VALUE_0=*",
          "GIT_CONFIG_VALUE_1=Agent",
          "GIT_CONFIG_VALUE_2=agent@sandbox.invalid",
          "GIT_CONFIG_VALUE_3=main",
          "GIT_PAGER=cat",
          "GIT_TERMINAL_PROMPT=0",
          "HOME=/home/agent",
          "LANG=C.UTF-8",
          "LOGNAME=agent",
          "NODE_PATH=/home/agent/.local/lib/node_modules:/usr/local/lib/node_modules:/usr/lib/node_modules",
          "NO_COLOR=1",
          "NPM_CONFIG_PREFIX=/home/agent/.local",
          "PAGER=cat",
          "PATH=/home/agent/.local/bin:/home/agent/.cargo/bin:/opt/image/bin:/usr/bin:/bin",
          "PIP_BREAK_SYSTEM_PACKAGES=1",
          "PIP_DISABLE_PIP_VERSION_CHECK=1",
          "PIP_NO_INPUT=1",
          "PROMPT_COMMAND=PS1=\${PS1//\\\\u/$USER}",
          "PYTHONUNBUFFERED=1",
          "TMPDIR=/tmp",
          "USER=agent",
          "UV_CONCURRENT_DOWNLOADS=2",
          "UV_CONCURRENT_INSTALLS=2",
          "UV_LINK_MODE=copy",
          "UV_PYTHON_INSTALL_DIR=/home/agent/.local/share/uv/python",
          "UV_TOOL_BIN_DIR=/home/agent/.local/bin",
        ],
        "Healthcheck": {
          "Test": [
            "NONE",
          ],
        },
        "HostConfig": {
          "AutoRemove": false,
          "CapDrop": [
            "ALL",
          ],
          "CgroupnsMode": "private",
          "CpuShares": 512,
          "Init": false,
          "IpcMode": "private",
          "LogConfig": {
            "Config": {},
            "Type": "none",
          },
          "MaskedPaths": [
            "/proc/acpi",
            "/proc/asound",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/pressure",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/devices/virtual/powercap",
            "/sys/firmware",
          ],
          "Memory": 1073741824,
          "MemorySwap": 1073741824,
          "Mounts": [
            {
              "ReadOnly": true,
              "Source": "carrel-agent-hash",
              "Target": "/carrel",
              "Type": "volume",
              "VolumeOptions": {
                "NoCopy": true,
              },
            },
            {
              "BindOptions": {
                "NonRecursive": true,
                "Propagation": "rprivate",
              },
              "ReadOnly": false,
              "Source": "/srv/hash/workspace",
              "Target": "/workspace",
              "Type": "bind",
            },
            {
              "BindOptions": {
                "NonRecursive": true,
                "Propagation": "rprivate",
              },
              "ReadOnly": false,
              "Source": "/srv/hash/home",
              "Target": "/home/agent",
              "Type": "bind",
            },
            {
              "BindOptions": {
                "NonRecursive": true,
                "Propagation": "rprivate",
              },
              "ReadOnly": true,
              "Source": "/srv/hosts",
              "Target": "/etc/hosts",
              "Type": "bind",
            },
            {
              "ReadOnly": false,
              "Source": "",
              "Target": "/dev/pts",
              "Type": "volume",
              "VolumeOptions": {
                "DriverConfig": {
                  "Name": "local",
                  "Options": {
                    "device": "devpts",
                    "o": "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5,max=32",
                    "type": "devpts",
                  },
                },
                "NoCopy": true,
              },
            },
          ],
          "NanoCpus": 1000000000,
          "NetworkMode": "none",
          "OomScoreAdj": 500,
          "PidsLimit": 256,
          "Privileged": false,
          "PublishAllPorts": false,
          "ReadonlyRootfs": true,
          "RestartPolicy": {
            "Name": "no",
          },
          "SecurityOpt": [
            "no-new-privileges:true",
            "seccomp=<the profile>",
          ],
          "ShmSize": 67108864,
          "Tmpfs": {
            "/tmp": "rw,nosuid,nodev,exec,size=268435456,nr_inodes=65536,mode=1777",
          },
          "Ulimits": [
            {
              "Hard": 4096,
              "Name": "nofile",
              "Soft": 4096,
            },
            {
              "Hard": 1,
              "Name": "core",
              "Soft": 1,
            },
            {
              "Hard": 2147483648,
              "Name": "fsize",
              "Soft": 2147483648,
            },
            {
              "Hard": 65536,
              "Name": "memlock",
              "Soft": 65536,
            },
          ],
        },
        "Hostname": "carrel",
        "Image": "sha256:the-image",
        "Labels": {
          "carrel.install": "the installation",
          "carrel.key": "the key's hash",
          "carrel.sandbox": "docker-0123456789abcdef",
          "carrel.sealed-key": "the sealed key",
          "carrel.spec": "a6170715119651e54c47eb07f1af65f8",
          "carrel.uid": "61000",
        },
        "NetworkDisabled": true,
        "StopSignal": "SIGTERM",
        "User": "65534:65534",
        "WorkingDir": "/workspace",
      }
    `);
  });

  it("differs by options, and by nothing else", () => {
    const shown = (change: Partial<ContainerSpec>): object => createBody({ ...SPEC, ...change });
    expect(shown({ persistRoot: true })).toMatchObject({ HostConfig: { ReadonlyRootfs: false } });
    expect(shown({ persistRoot: true })).not.toHaveProperty("HostConfig.Tmpfs");
    expect(shown({ ociRuntime: "runsc" })).toHaveProperty("HostConfig.Runtime", "runsc");
    const bridge = shown({ network: "bridge" });
    expect(bridge).toHaveProperty("HostConfig.NetworkMode", "bridge");
    for (const networked of [bridge, shown({ hostsFile: undefined })]) {
      expect(networked).not.toHaveProperty("NetworkDisabled");
      expect(networked).toHaveProperty("HostConfig.Mounts.length", 4);
    }
    const volumes = { type: "volume", workspace: "w", home: "h" } as const;
    expect(
      createBody({ ...SPEC, files: volumes, hostsFile: undefined }).HostConfig.Mounts.map(
        ({ Type }) => Type,
      ),
    ).toEqual(["volume", "volume", "volume", "volume"]);
  });

  it("leaves terminals to an OCI runtime with a kernel of its own", () => {
    const targets = (sharesKernel: boolean): string[] =>
      createBody({ ...SPEC, sharesKernel }).HostConfig.Mounts.map(({ Target }) => Target);
    expect(targets(true)).toEqual([...targets(false), "/dev/pts"]);
  });

  it("names nobody as long as it is nobody's", () => {
    const { Labels } = createBody({ ...SPEC, owner: { warmSlot: "the slot" } });
    expect(Labels).toEqual({
      [LABELS.install]: "the installation",
      [LABELS.warm]: "the slot",
      [LABELS.uid]: "61000",
      [LABELS.sandbox]: SPEC.sandboxId,
      [LABELS.spec]: specHash({}),
    });
  });

  it("has a hash of all but whose it is", () => {
    const names = { installation: "a", sandboxId: "d" };
    expect(specHash({ ...names, owner: { keyHash: "b", sealedKey: "c" } })).toBe(specHash({}));
    expect(specHash({ ...names, owner: { warmSlot: "b" } })).toBe(specHash({}));
    const changes: Partial<ContainerSpec>[] = [
      { imageId: "sha256:other" },
      { agentVolume: "carrel-agent-other" },
      { uid: 1001, env: { A: "b" } },
      { limits: checkLimits({ processes: 100 }) },
      { limits: checkLimits({ terminals: 8 }) },
      { network: "bridge" },
      { persistRoot: true },
    ];
    expect(new Set(changes.map(specHash)).add(specHash({})).size).toBe(changes.length + 1);
  });

  it("puts what the user installed first on the PATH, then the image's own, and lets the operator win", () => {
    const env = createBody({ ...SPEC, env: { LANG: "de_DE.UTF-8", EXTRA: "a b\nc" } }).Env;
    expect(env).toContain(
      "PATH=/home/agent/.local/bin:/home/agent/.cargo/bin:/opt/image/bin:/usr/bin:/bin",
    );
    expect(env.filter((variable) => variable.startsWith("LANG="))).toEqual(["LANG=de_DE.UTF-8"]);
    expect(env).toContain("EXTRA=a b\nc");
  });
});
