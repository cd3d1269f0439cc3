import { ALLOWED_SYSTEM_CALLS } from "./allowed-system-calls.ts";

/** A filter of system calls, as the engine takes it: https://docs.docker.com/engine/security/seccomp. */
export interface SeccompProfile {
  defaultAction: "SCMP_ACT_ERRNO";
  architectures: readonly string[];
  syscalls: readonly SeccompRule[];
}

interface SeccompRule {
  names: readonly string[];
  action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  errnoRet?: number;
  args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
}

// The native ones alone: the 32-bit calls of a 64-bit kernel go around rules about arguments.
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
};

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Not AF_ALG, AF_VSOCK, AF_PACKET and the rest. */
const SOCKET_FAMILIES = [1, 2, 10, 16];

/** All CLONE_NEW… flags: no program makes a namespace of its own. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/** Linux, 32-bit addresses, UNAME26 and both, and the question what it is. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const ENOSYS = 38;

/** @param architecture of the engine's machine, as images name it */
export function seccompProfile(architecture: string): SeccompProfile {
  const native = ARCHITECTURES[architecture];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: native === undefined ? [] : [native],
    syscalls: [
      { names: ALLOWED_SYSTEM_CALLS, action: "SCMP_ACT_ALLOW" },
      ...SOCKET_FAMILIES.map((value) => allowWith("socket", value)),
      ...PERSONALITIES.map((value) => allowWith("personality", value)),
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      // Its flags lie in memory, where no filter sees them. Programs then use `clone`.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    ],
  };
}

function allowWith(name: string, value: number): SeccompRule {
  const args = [{ index: 0, value, op: "SCMP_CMP_EQ" }];
  return { names: [name], action: "SCMP_ACT_ALLOW", args };
}
