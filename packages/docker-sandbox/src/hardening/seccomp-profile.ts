import { ALLOWED_SYSTEM_CALLS } from "./allowed-system-calls.ts";

/** A filter of system calls, as the engine takes it: https://docs.docker.com/engine/security/seccomp. */
export interface SeccompProfile {
  defaultAction: "SCMP_ACT_ERRNO";
  architectures: readonly string[];
  syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
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

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_SEQPACKET = 5;
/** All of a type but SOCK_NONBLOCK and SOCK_CLOEXEC: the 32 bits that the kernel takes, less these. */
const TYPE_MASK = 0xfff7_f7ff;
/** By type: TCP and UDP, and 0 for the same. Not MPTCP, UDP-Lite, SCTP, SMC, ping and others. */
const INTERNET_PROTOCOLS: readonly (readonly [type: number, protocol: number])[] = [
  [SOCK_STREAM, 0],
  [SOCK_STREAM, 6],
  [SOCK_DGRAM, 0],
  [SOCK_DGRAM, 17],
];

/** What tells the addresses of interfaces; other protocols of the family reach deep into the kernel. */
const NETLINK_ROUTE = 0;

/** All CLONE_NEW… flags: no program makes a namespace of its own. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/** Linux, 32-bit addresses, UNAME26 and both, and the question what it is. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const ENOSYS = 38;

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

// Filters see 64 bits of an argument where the kernel takes 32: a rule that says what a number is
// not, or that it is large, is got around by the others. So all that may be is named.

const SOL_SOCKET = 1;
/** IP, UDP, IPv6, ICMPv6 and netlink. */
const OTHER_LEVELS = [0, 17, 41, 58, 270];
const SOL_TCP = 6;
/**
 * The options up to `TCP_INQ`, but not `TCP_ULP`, 31, which puts other code of the kernel into a connection,
 * and loads it.
 * @see https://github.com/torvalds/linux/blob/master/include/uapi/linux/tcp.h
 */
const TCP_OPTIONS = [...range(1, 30), ...range(32, 37)];
/**
 * All but those that attach filters, 26 and 50 to 52: the kernel compiles filters into memory of
 * which the machine has one piece, and without which no container starts.
 * @see https://github.com/torvalds/linux/blob/master/include/uapi/asm-generic/socket.h
 */
const SOCKET_OPTIONS = [...range(1, 25), ...range(27, 49), ...range(53, 90)];
/**
 * All but `PR_SET_SECCOMP`, 22, which is the same; the last two name memory, and who may trace.
 * @see https://github.com/torvalds/linux/blob/master/include/uapi/linux/prctl.h
 */
const PROCESS_OPTIONS = [...range(1, 21), ...range(23, 90), 0x5356_4d41, 0x5961_6d61];

/** @param architecture of the engine's machine, as images name it */
export function seccompProfile(architecture: string): SeccompProfile {
  const native = ARCHITECTURES[architecture];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: native === undefined ? [] : [native],
    syscalls: [
      { names: ALLOWED_SYSTEM_CALLS, action: "SCMP_ACT_ALLOW" },
      // Not AF_ALG, AF_VSOCK, AF_PACKET and the rest.
      ...[SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET].flatMap((type) => [
        allow("socket", [AF_UNIX, ofType(type)]),
        allow("socketpair", [AF_UNIX, ofType(type)]),
      ]),
      ...[AF_INET, AF_INET6].flatMap((family) =>
        INTERNET_PROTOCOLS.map(([type, protocol]) =>
          allow("socket", [family, ofType(type), protocol]),
        ),
      ),
      ...[SOCK_DGRAM, SOCK_RAW].map((type) =>
        allow("socket", [AF_NETLINK, ofType(type), NETLINK_ROUTE]),
      ),
      ...OTHER_LEVELS.map((level) => allow("setsockopt", [null, level])),
      ...TCP_OPTIONS.map((option) => allow("setsockopt", [null, SOL_TCP, option])),
      ...SOCKET_OPTIONS.map((option) => allow("setsockopt", [null, SOL_SOCKET, option])),
      ...PROCESS_OPTIONS.map((option) => allow("prctl", [option])),
      ...PERSONALITIES.map((persona) => allow("personality", [persona])),
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

interface Masked {
  mask: number;
  value: number;
}

/** A socket's type, whichever flags are with it. */
function ofType(type: number): Masked {
  return { mask: TYPE_MASK, value: type };
}

/** Allow a call with these arguments; `null` is any. */
function allow(name: string, values: readonly (number | Masked | null)[]): SeccompRule {
  const args = values.flatMap((value, index) => {
    if (value === null) return [];
    if (typeof value === "number") return [{ index, value, op: "SCMP_CMP_EQ" }];
    return [{ index, value: value.mask, valueTwo: value.value, op: "SCMP_CMP_MASKED_EQ" }];
  });
  return { names: [name], action: "SCMP_ACT_ALLOW", args };
}
