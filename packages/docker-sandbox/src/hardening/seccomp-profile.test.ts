import { describe, expect, it } from "vitest";
import { seccompProfile } from "./seccomp-profile.ts";
import type { SeccompRule } from "./seccomp-profile.ts";

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** On one line, so that a change of the filter can be seen. */
function shown({ names, action, errnoRet, args = [] }: SeccompRule): string {
  const conditions = args.map(({ index, value, valueTwo, op }) =>
    valueTwo === undefined
      ? `#${index} ${op.replace("SCMP_CMP_", "")} ${value}`
      : `#${index} & ${value} == ${valueTwo}`,
  );
  const what = errnoRet === undefined ? action : `${action} ${errnoRet}`;
  return [names.join(" "), what.replace("SCMP_ACT_", ""), ...conditions].join(", ");
}

describe("The filter of system calls", () => {
  it("lets through these system calls, by name or by their arguments", () => {
    const [byName, ...byArguments] = seccompProfile("amd64").syscalls;
    expect(byName?.action).toBe("SCMP_ACT_ALLOW");
    expect(byName?.names).toHaveLength(new Set(byName?.names).size);
    expect(seccompProfile("amd64")).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO" });
    expect(byArguments.map(shown)).toMatchInlineSnapshot(`
      [
        "socket, ALLOW, #0 EQ 1, #1 & 4294440959 == 1",
        "socketpair, ALLOW, #0 EQ 1, #1 & 4294440959 == 1",
        "socket, ALLOW, #0 EQ 1, #1 & 4294440959 == 2",
        "socketpair, ALLOW, #0 EQ 1, #1 & 4294440959 == 2",
        "socket, ALLOW, #0 EQ 1, #1 & 4294440959 == 5",
        "socketpair, ALLOW, #0 EQ 1, #1 & 4294440959 == 5",
        "socket, ALLOW, #0 EQ 2, #1 & 4294440959 == 1, #2 EQ 0",
        "socket, ALLOW, #0 EQ 2, #1 & 4294440959 == 1, #2 EQ 6",
        "socket, ALLOW, #0 EQ 2, #1 & 4294440959 == 2, #2 EQ 0",
        "socket, ALLOW, #0 EQ 2, #1 & 4294440959 == 2, #2 EQ 17",
        "socket, ALLOW, #0 EQ 10, #1 & 4294440959 == 1, #2 EQ 0",
        "socket, ALLOW, #0 EQ 10, #1 & 4294440959 == 1, #2 EQ 6",
        "socket, ALLOW, #0 EQ 10, #1 & 4294440959 == 2, #2 EQ 0",
        "socket, ALLOW, #0 EQ 10, #1 & 4294440959 == 2, #2 EQ 17",
        "socket, ALLOW, #0 EQ 16, #1 & 4294440959 == 2, #2 EQ 0",
        "socket, ALLOW, #0 EQ 16, #1 & 4294440959 == 3, #2 EQ 0",
        "setsockopt, ALLOW, #1 EQ 0",
        "setsockopt, ALLOW, #1 EQ 17",
        "setsockopt, ALLOW, #1 EQ 41",
        "setsockopt, ALLOW, #1 EQ 58",
        "setsockopt, ALLOW, #1 EQ 270",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 1",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 2",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 3",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 4",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 5",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 6",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 7",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 8",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 9",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 10",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 11",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 12",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 13",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 14",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 15",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 16",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 17",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 18",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 19",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 20",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 21",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 22",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 23",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 24",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 25",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 26",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 27",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 28",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 29",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 30",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 32",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 33",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 34",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 35",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 36",
        "setsockopt, ALLOW, #1 EQ 6, #2 EQ 37",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 1",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 2",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 3",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 4",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 5",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 6",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 7",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 8",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 9",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 10",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 11",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 12",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 13",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 14",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 15",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 16",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 17",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 18",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 19",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 20",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 21",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 22",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 23",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 24",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 25",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 27",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 28",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 29",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 30",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 31",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 32",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 33",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 34",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 35",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 36",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 37",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 38",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 39",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 40",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 41",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 42",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 43",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 44",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 45",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 46",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 47",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 48",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 49",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 53",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 54",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 55",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 56",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 57",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 58",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 59",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 60",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 61",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 62",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 63",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 64",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 65",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 66",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 67",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 68",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 69",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 70",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 71",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 72",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 73",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 74",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 75",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 76",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 77",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 78",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 79",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 80",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 81",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 82",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 83",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 84",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 85",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 86",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 87",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 88",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 89",
        "setsockopt, ALLOW, #1 EQ 1, #2 EQ 90",
        "prctl, ALLOW, #0 EQ 1",
        "prctl, ALLOW, #0 EQ 2",
        "prctl, ALLOW, #0 EQ 3",
        "prctl, ALLOW, #0 EQ 4",
        "prctl, ALLOW, #0 EQ 5",
        "prctl, ALLOW, #0 EQ 6",
        "prctl, ALLOW, #0 EQ 7",
        "prctl, ALLOW, #0 EQ 8",
        "prctl, ALLOW, #0 EQ 9",
        "prctl, ALLOW, #0 EQ 10",
        "prctl, ALLOW, #0 EQ 11",
        "prctl, ALLOW, #0 EQ 12",
        "prctl, ALLOW, #0 EQ 13",
        "prctl, ALLOW, #0 EQ 14",
        "prctl, ALLOW, #0 EQ 15",
        "prctl, ALLOW, #0 EQ 16",
        "prctl, ALLOW, #0 EQ 17",
        "prctl, ALLOW, #0 EQ 18",
        "prctl, ALLOW, #0 EQ 19",
        "prctl, ALLOW, #0 EQ 20",
        "prctl, ALLOW, #0 EQ 21",
        "prctl, ALLOW, #0 EQ 23",
        "prctl, ALLOW, #0 EQ 24",
        "prctl, ALLOW, #0 EQ 25",
        "prctl, ALLOW, #0 EQ 26",
        "prctl, ALLOW, #0 EQ 27",
        "prctl, ALLOW, #0 EQ 28",
        "prctl, ALLOW, #0 EQ 29",
        "prctl, ALLOW, #0 EQ 30",
        "prctl, ALLOW, #0 EQ 31",
        "prctl, ALLOW, #0 EQ 32",
        "prctl, ALLOW, #0 EQ 33",
        "prctl, ALLOW, #0 EQ 34",
        "prctl, ALLOW, #0 EQ 35",
        "prctl, ALLOW, #0 EQ 36",
        "prctl, ALLOW, #0 EQ 37",
        "prctl, ALLOW, #0 EQ 38",
        "prctl, ALLOW, #0 EQ 39",
        "prctl, ALLOW, #0 EQ 40",
        "prctl, ALLOW, #0 EQ 41",
        "prctl, ALLOW, #0 EQ 42",
        "prctl, ALLOW, #0 EQ 43",
        "prctl, ALLOW, #0 EQ 44",
        "prctl, ALLOW, #0 EQ 45",
        "prctl, ALLOW, #0 EQ 46",
        "prctl, ALLOW, #0 EQ 47",
        "prctl, ALLOW, #0 EQ 48",
        "prctl, ALLOW, #0 EQ 49",
        "prctl, ALLOW, #0 EQ 50",
        "prctl, ALLOW, #0 EQ 51",
        "prctl, ALLOW, #0 EQ 52",
        "prctl, ALLOW, #0 EQ 53",
        "prctl, ALLOW, #0 EQ 54",
        "prctl, ALLOW, #0 EQ 55",
        "prctl, ALLOW, #0 EQ 56",
        "prctl, ALLOW, #0 EQ 57",
        "prctl, ALLOW, #0 EQ 58",
        "prctl, ALLOW, #0 EQ 59",
        "prctl, ALLOW, #0 EQ 60",
        "prctl, ALLOW, #0 EQ 61",
        "prctl, ALLOW, #0 EQ 62",
        "prctl, ALLOW, #0 EQ 63",
        "prctl, ALLOW, #0 EQ 64",
        "prctl, ALLOW, #0 EQ 65",
        "prctl, ALLOW, #0 EQ 66",
        "prctl, ALLOW, #0 EQ 67",
        "prctl, ALLOW, #0 EQ 68",
        "prctl, ALLOW, #0 EQ 69",
        "prctl, ALLOW, #0 EQ 70",
        "prctl, ALLOW, #0 EQ 71",
        "prctl, ALLOW, #0 EQ 72",
        "prctl, ALLOW, #0 EQ 73",
        "prctl, ALLOW, #0 EQ 74",
        "prctl, ALLOW, #0 EQ 75",
        "prctl, ALLOW, #0 EQ 76",
        "prctl, ALLOW, #0 EQ 77",
        "prctl, ALLOW, #0 EQ 78",
        "prctl, ALLOW, #0 EQ 79",
        "prctl, ALLOW, #0 EQ 80",
        "prctl, ALLOW, #0 EQ 81",
        "prctl, ALLOW, #0 EQ 82",
        "prctl, ALLOW, #0 EQ 83",
        "prctl, ALLOW, #0 EQ 84",
        "prctl, ALLOW, #0 EQ 85",
        "prctl, ALLOW, #0 EQ 86",
        "prctl, ALLOW, #0 EQ 87",
        "prctl, ALLOW, #0 EQ 88",
        "prctl, ALLOW, #0 EQ 89",
        "prctl, ALLOW, #0 EQ 90",
        "prctl, ALLOW, #0 EQ 1398164801",
        "prctl, ALLOW, #0 EQ 1499557217",
        "personality, ALLOW, #0 EQ 0",
        "personality, ALLOW, #0 EQ 8",
        "personality, ALLOW, #0 EQ 131072",
        "personality, ALLOW, #0 EQ 131080",
        "personality, ALLOW, #0 EQ 4294967295",
        "clone, ALLOW, #0 & 2114060288 == 0",
        "clone3, ERRNO 38",
      ]
    `);
  });

  it("lets no call by name that reaches beyond the sandbox", () => {
    const allowed = seccompProfile("amd64").syscalls[0]?.names ?? [];
    const beyond =
      /^(io_uring|bpf|mount|umount|move_mount|open_tree|fs(open|mount|config|pick)|pivot|chroot|unshare|setns|clone|socket|keyctl|add_key|request_key|userfaultfd|perf_event|kexec|reboot|swap|init_module|finit_module|delete_module|iopl|ioperm|syslog|quotactl|acct|set(host|domain)name|process_vm|process_madvise|pidfd_getfd|kcmp|open_by_handle|name_to_handle|lookup_dcookie|personality|vhangup|nfsservctl|clock_(settime|adjtime)|settimeofday|adjtimex|mbind|move_pages|migrate_pages|memfd_secret|fanotify|mq_|ioprio_set|sync$|syncfs|io_|seccomp)/;
    expect(allowed.filter((name) => beyond.test(name))).toEqual([]);
  });

  it("sockets: only the types and protocols that programs use, with any of the two flags", () => {
    const rules = seccompProfile("amd64").syscalls.filter(({ names }) => names[0] === "socket");
    // As the kernel does: of all arguments it takes the lowest 32 bits.
    const allows = (...values: number[]): boolean =>
      rules.some(({ args = [] }) =>
        args.every(({ index, value, valueTwo, op }) => {
          const given = values[index] ?? 0;
          return op === "SCMP_CMP_EQ" ? given === value : (given & value) >>> 0 === valueTwo;
        }),
      );
    const [NONBLOCK, CLOEXEC] = [0o4000, 0o2000000];
    for (const flags of [0, NONBLOCK, CLOEXEC, NONBLOCK | CLOEXEC]) {
      for (const family of [2, 10]) {
        const allowed = range(0, 300).flatMap((protocol) =>
          range(0, 15)
            .filter((type) => allows(family, type | flags, protocol))
            .map((type) => `${type} ${protocol}`),
        );
        expect(allowed).toEqual(["1 0", "2 0", "1 6", "2 17"]);
      }
      expect(range(0, 15).filter((type) => allows(1, type | flags, 0))).toEqual([1, 2, 5]);
      expect(range(0, 15).filter((type) => allows(16, type | flags, 0))).toEqual([2, 3]);
    }
    for (const flag of range(4, 31).filter((bit) => bit !== 11 && bit !== 19)) {
      expect(allows(2, (1 | (1 << flag)) >>> 0, 0)).toBe(false);
    }
    const families = range(0, 50).filter((family) =>
      range(0, 15).some((type) => allows(family, type, 0)),
    );
    expect(families).toEqual([1, 2, 10, 16]);
  });

  it("filters for the machine that it is", () => {
    expect(seccompProfile("arm64").architectures).toEqual(["SCMP_ARCH_AARCH64"]);
    expect(seccompProfile("amd64").architectures).toEqual(["SCMP_ARCH_X86_64"]);
  });
});
