import { randomUUID } from "node:crypto";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import type { BareEngine } from "./bare-engine.ts";
import type { Work } from "./measure.ts";

/** The same work twice: in a sandbox, and with what the engine offers. */
export interface Case {
  name: string;
  /** How often each is measured; the bare engine is slow, so it may get fewer. */
  rounds: number;
  bareRounds: number;
  /** What is moved in a round. */
  bytes?: number;
  carrel: Work;
  bare: Work;
  /** What each round begins with, and is not measured. */
  prepare?: { carrel: Work; bare: Work };
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const MANY_FILES = 10_000;

export function lifeCases(
  provider: SandboxProvider,
  sandbox: ManagedSandbox,
  bare: BareEngine,
): Case[] {
  return [
    {
      name: "create to first command",
      rounds: 20,
      bareRounds: 20,
      carrel: async () => {
        const made = await provider.create(`bench ${randomUUID()}`);
        await made.execute("true");
        return () => made.destroy();
      },
      bare: () => bare.createAndStart(),
    },
    {
      name: "wake from a pause to first command",
      rounds: 40,
      bareRounds: 40,
      prepare: { carrel: async () => sandbox.pause?.(), bare: () => bare.pause() },
      carrel: async () => {
        await sandbox.resume();
        await sandbox.execute("true");
      },
      bare: () => bare.unpause(),
    },
    {
      name: "wake from a stop to first command",
      rounds: 20,
      bareRounds: 20,
      prepare: { carrel: () => sandbox.stop(), bare: () => bare.stop() },
      carrel: async () => {
        await sandbox.resume();
        await sandbox.execute("true");
      },
      bare: () => bare.resume(),
    },
  ];
}

export function commandCases(sandbox: ManagedSandbox, bare: BareEngine): Case[] {
  const echo = { rounds: 300, bareRounds: 30 };
  return [
    {
      name: "true",
      ...echo,
      carrel: () => sandbox.execute("true"),
      bare: () => bare.execute("true"),
    },
    {
      name: "sh -c 'echo hi'",
      ...echo,
      carrel: () => sandbox.execute("echo hi"),
      bare: () => bare.execute("sh", "-c", "echo hi"),
    },
    {
      name: "python3 -c 'print(1)'",
      rounds: 30,
      bareRounds: 15,
      carrel: () => sandbox.execute("python3 -c 'print(1)'"),
      bare: () => bare.execute("python3", "-c", "print(1)"),
    },
    ...[8, 32].map((count) => ({
      name: `${count} × sh -c 'echo hi' at once`,
      rounds: 20,
      bareRounds: 3,
      carrel: () => together(count, () => sandbox.execute("echo hi")),
      bare: () => together(count, () => bare.execute("sh", "-c", "echo hi")),
    })),
  ];
}

export function fileCases(sandbox: ManagedSandbox, bare: BareEngine): Case[] {
  const sizes = [
    { label: "1 KiB", size: KIBIBYTE, rounds: 300, bareRounds: 20 },
    { label: "1 MiB", size: MEBIBYTE, rounds: 50, bareRounds: 10 },
    { label: "256 MiB", size: 256 * MEBIBYTE, rounds: 5, bareRounds: 3 },
  ];
  return sizes.flatMap(({ label, size, rounds, bareRounds }) => {
    const name = `file-${size}`;
    return [
      {
        name: `write ${label}`,
        rounds,
        bareRounds,
        bytes: size,
        carrel: () => sandbox.write(name, size > PIECE.length ? piecesOf(size) : pieceOf(size)),
        bare: () => bare.write(name, size, pieces(size)),
      },
      {
        name: `read ${label}`,
        rounds,
        bareRounds,
        bytes: size,
        carrel: () => readWhole(sandbox, name, size),
        bare: () => bare.read(name),
      },
    ];
  });
}

/** Large files are never in memory as a whole: neither side may need that. */
const PIECE = new Uint8Array(64 * KIBIBYTE).fill(97);

function pieceOf(size: number): Uint8Array {
  return PIECE.subarray(0, size);
}

function* pieces(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= PIECE.length) yield pieceOf(Math.min(left, PIECE.length));
}

function piecesOf(size: number): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces(size));
}

/** Both sides search the same: a directory of many files, and 100 MB of text in 100 files. */
export async function prepareTrees(sandbox: ManagedSandbox, bare: BareEngine): Promise<void> {
  const make = (directory: string): string =>
    `mkdir -p ${directory}/many ${directory}/text && cd ${directory}/many && ` +
    `seq 1 ${MANY_FILES} | xargs touch && cd ../text && ` +
    `for n in $(seq 1 100); do seq -f 'line %.0f of a text that goes on' 1 30000 | ` +
    `head -c 1000000 > $n.txt; done && echo needle >> 77.txt`;
  await sandbox.execute(make("/workspace"), { timeoutMs: 300_000 });
  await bare.execute("sh", "-c", make("/tmp"));
}

export function searchCases(sandbox: ManagedSandbox, bare: BareEngine): Case[] {
  return [
    {
      name: `ls of ${MANY_FILES} files`,
      rounds: 20,
      bareRounds: 10,
      carrel: () => sandbox.ls("many"),
      bare: () => bare.execute("ls", "-la", "/tmp/many"),
    },
    {
      name: "grep over 100 MB",
      rounds: 10,
      bareRounds: 10,
      carrel: () => sandbox.grep("needle", { path: "text", timeoutMs: 60_000 }),
      bare: () => bare.execute("grep", "-rn", "needle", "/tmp/text"),
    },
  ];
}

function together(count: number, work: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, work));
}

async function readWhole(sandbox: ManagedSandbox, name: string, size: number): Promise<void> {
  let read = 0;
  for await (const chunk of await sandbox.readStream(name)) read += chunk.length;
  if (read !== size) throw new Error(`${name} has ${read} bytes and not ${size}`);
}
