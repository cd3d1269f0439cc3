import type { Duplex } from "node:stream";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  CreateOptions,
  ManagedSandbox,
  OperationOptions,
  SandboxStatus,
  SandboxUsage,
  UsageOptions,
} from "@carrel/backend-protocol";
import { AgentSandbox } from "@carrel/sandbox-agent";
import type { AgentConnection } from "@carrel/sandbox-agent";
import type { FoundContainer } from "../container/found-container.ts";
import type { ContainerUsage } from "../container/statistics.ts";
import { LABELS } from "../hardening/create-body.ts";
import { HOME_DIR, WORK_DIR } from "../hardening/places.ts";
import type { Holder } from "../workspace/file-store.ts";
import type { DockerSandboxOptions } from "./docker-sandbox-options.ts";
import type { Container, Known, KnownNow } from "./known-container.ts";
import { openAgent } from "./open-agent.ts";
import { refusalOf, stopped, unreachable } from "./refusals.ts";
import { remakeContainer } from "./remake-container.ts";
import { signAmid } from "./sign-amid.ts";
import { hasCode } from "../has-code.ts";

const DISK_USAGE_TIMEOUT_MS = 5000;
const NOT_RUNNING: ContainerUsage = { memoryBytes: null, cpuMs: null, processCount: null };
/** How often an engine is asked again that refuses for a state which the container has not. */
const REACH_ATTEMPTS = 3;
const THAW_TIMEOUT_MS = 30_000;

/** One sandbox: a container, which may be made anew, and the agent in it. */
export class DockerSandbox extends AgentSandbox implements ManagedSandbox {
  readonly key: string;
  readonly #options: DockerSandboxOptions;
  #known: Known;
  #refusal: SandboxError;
  #transitions: Promise<unknown> = Promise.resolve();
  /** Transitions that were begun and that have ended: what was seen amid one may be outdated. */
  #begun = 0;
  #ended = 0;

  /** @param connection to its agent, where there is one already */
  constructor(options: DockerSandboxOptions, known: Known, connection?: AgentConnection) {
    super({
      ...(connection && { connection }),
      id: options.id,
      workDir: WORK_DIR,
      open: (signal) => this.#openAgent(signal),
      admit: () => (this.#known.status === "running" ? undefined : this.#admit()),
      onSilence: async () => void (await this.#thaw(AbortSignal.timeout(THAW_TIMEOUT_MS))),
    });
    this.key = options.key;
    this.#options = options;
    this.#known = known;
    this.#refusal = stopped(null);
  }

  async status({ signal }: OperationOptions = {}): Promise<SandboxStatus> {
    return (await this.#look(signal)).status;
  }

  async usage({ signal, disk: withDisk = true }: UsageOptions = {}): Promise<SandboxUsage> {
    const { status, containerId } = await this.#look(signal);
    if (status === "gone") throw refusalOf(status);
    const { containers, limits } = this.#options;
    const paths = [WORK_DIR, HOME_DIR];
    const within = { timeoutMs: DISK_USAGE_TIMEOUT_MS, ...(signal && { signal }) };
    const [container, disk] = await Promise.all([
      // Of one that does not run the engine tells zeros.
      status === "stopped" ? NOT_RUNNING : containers.usage(containerId, signal),
      withDisk && status === "running" ? this.diskUsage(paths, within) : null,
    ]);
    return {
      ...container,
      memoryLimitBytes: limits.memoryBytes,
      processLimit: limits.processes,
      diskBytes: disk?.bytes ?? null,
      diskLimitBytes: null,
    };
  }

  pause({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async ({ status, containerId, uid }) => {
      if (status === "gone" || status === "stopped") throw this.#refusal;
      if (status === "paused") return;
      // Before: a frozen agent answers nothing.
      this.suspend();
      try {
        await this.#options.containers.pause(containerId, signal);
      } catch (error) {
        this.wake();
        throw error;
      }
      this.#learn({ status: "paused", containerId, uid });
    });
  }

  resume({ signal }: OperationOptions = {}): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const resumed = this.#inTurn(signal, async () => {
      // What this knows to be frozen need not be looked for: the engine refuses where it is not.
      if (await this.#unpause(signal, answered.resolve)) return;
      await this.#fromNow(signal, async (now) => {
        const { status, containerId, uid } = now;
        if (status === "gone") throw this.#refusal;
        if (status === "paused") {
          const wasFrozen = await this.#options.containers.unpause(containerId, signal);
          if (!wasFrozen) return this.#notice(await this.#find(signal));
          this.#learn({ status: "running", containerId, uid });
        }
        if (status === "stopped") {
          const options = signal ? { signal } : {};
          const { files, keyHash, keepContainer: kept } = this.#options;
          const owner = await files.check(keyHash, this.#holder, { kept, signal });
          await this.#start(await this.#upToDate(now, owner, options), options);
        }
      });
    });
    return Promise.race([resumed, answered.promise]);
  }

  /**
   * The files of the key are those of this sandbox, which was just made or claimed.
   * @returns the uid that owns them
   */
  async takeFiles(signal?: AbortSignal): Promise<number> {
    const { files, keyHash } = this.#options;
    return files.take(keyHash, this.#holder, signal);
  }

  /** Start a container that was just made. */
  begin(options: CreateOptions = {}): Promise<void> {
    return this.#inTurn(options.signal, async () => {
      const uid = await this.takeFiles(options.signal);
      // The files may have been deleted and made anew since the container was.
      if (uid !== this.#known.uid) await this.#remake(uid, options);
      await this.#start(this.#known, options);
    });
  }

  stop({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async ({ status, containerId, uid }) => {
      if (status === "gone" || status === "stopped") return;
      const { containers } = this.#options;
      if (status === "paused") await containers.kill(containerId, signal);
      else await containers.stop(containerId, signal);
      this.#learn({ status: "stopped", containerId, uid, wasAsked: true });
    });
  }

  destroy({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async ({ status, containerId, uid }) => {
      if (status === "gone") return;
      const { containers, files, keyHash } = this.#options;
      await containers.kill(containerId, signal);
      // The container's name keeps others from making a sandbox of these files until they are away.
      const discard = await files.setAside(keyHash, this.#holder);
      this.#learn({ status: "gone", containerId, uid });
      await containers.remove(containerId);
      await discard();
    });
  }

  /** Remove the container of one that is stopped, and keep the files. `false` where it is not. */
  async discard({ signal }: OperationOptions = {}): Promise<boolean> {
    let discarded = false;
    await this.#transition(signal, async ({ status, containerId, uid, beingMade }) => {
      if (status !== "stopped" || beingMade) return;
      discarded = await this.#options.containers.removeStopped(containerId, signal);
      if (discarded) this.#learn({ status: "gone", containerId, uid });
    });
    return discarded;
  }

  override [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Close the connection to the agent; the container runs on. */
  async disconnect(): Promise<void> {
    await super[Symbol.asyncDispose]();
  }

  /**
   * @param onAnswer called once the agent answers, which is before the engine does: that writes down
   * first what it did
   * @returns whether it was known to be frozen, and was
   */
  async #unpause(signal: AbortSignal | undefined, onAnswer: () => void): Promise<boolean> {
    const { status, containerId, uid } = this.#known;
    if (status !== "paused") return false;
    const learn = (): void => this.#learn({ status: "running", containerId, uid });
    const unpaused = this.#options.containers.unpause(containerId, signal);
    try {
      const wasFrozen = await signAmid(unpaused, this.signOfLife(), () => {
        learn();
        onAnswer();
      });
      if (wasFrozen) learn();
      return wasFrozen;
    } catch (error) {
      // Of one that is not frozen some engines say so, and some that they failed: a look tells.
      if (hasCode(error, "not-found") || hasCode(error, "unavailable")) return false;
      throw error;
    }
  }

  async #start({ containerId, uid }: Container, options: CreateOptions): Promise<void> {
    const { containers, repair } = this.#options;
    const { signal, onProgress } = options;
    onProgress?.({ phase: "starting" });
    try {
      await containers.start(containerId, signal);
    } catch (error) {
      // The engine's word for a program to start that is not where it must be.
      if (!hasCode(error, "invalid-argument")) throw error;
      await repair(options);
      await containers.start(containerId, signal);
    }
    this.#learn({ status: "running", containerId, uid });
    // A sandbox runs when its agent answers.
    await this.stat(WORK_DIR, signal ? { signal } : {});
  }

  /** Its container, made anew where it is that of another version or configuration. */
  async #upToDate(known: KnownNow, uid: number, options: OperationOptions): Promise<Container> {
    const { keepContainer, repair, body } = this.#options;
    if (keepContainer || known.specHash === body(uid).Labels[LABELS.spec]) return known;
    // Whatever the new one needs is there before the old one goes; a claimed one was made of the same.
    if (!known.claimed) await repair(options);
    return this.#remake(uid, options);
  }

  async #remake(uid: number, options: OperationOptions): Promise<Container> {
    const outdated = this.#known.containerId;
    const containerId = await remakeContainer(this.#options, { outdated, uid }, options);
    if (containerId !== null) {
      this.#learn({ status: "stopped", containerId, uid });
      return { containerId, uid };
    }
    // Another process did the same, or made a new sandbox of the key.
    const found = await this.#find(options.signal);
    this.#notice(found);
    if (!found) throw this.#refusal;
    return { containerId: found.id, uid: found.uid };
  }

  /** Called where the sandbox is not known to run: somebody else may have resumed it. */
  async #admit(): Promise<void> {
    const { status } = await this.#look(undefined);
    if (status !== "running") throw this.#refuse(status);
  }

  /** Tells why it does not run, as far as that is known. */
  #refuse(status: SandboxStatus): SandboxError {
    return status === this.#known.status ? this.#refusal : refusalOf(status);
  }

  async #openAgent(signal: AbortSignal): Promise<Duplex> {
    try {
      return await this.#reach(this.#known, signal);
    } catch (error) {
      throwIfAborted(signal);
      // The engine refuses for as many reasons as a container has states: it is asked for the state.
      const before = this.#known.containerId;
      // What is amid a transition is not waited for: it may be the one that waits for this.
      const thawed = this.#begun === this.#ended && (await this.#thaw(signal));
      const now = await this.#look(signal);
      if (now.status !== "running") throw this.#refuse(now.status);
      if (now.containerId === before && !thawed && !hasCode(error, "conflict")) throw error;
      return this.#openAgain(now, signal);
    }
  }

  /** The engine's refusals may be of a state that the container had a moment ago. */
  async #openAgain(container: Container, signal: AbortSignal): Promise<Duplex> {
    for (let attempt = 2; ; attempt++) {
      try {
        return await this.#reach(container, signal);
      } catch (error) {
        if (!hasCode(error, "conflict")) throw error;
        if (attempt === REACH_ATTEMPTS) throw unreachable(error);
      }
    }
  }

  async #reach({ containerId, uid: known }: Container, signal: AbortSignal): Promise<Duplex> {
    const { containers, files, keyHash } = this.#options;
    const uid = known ?? (await files.unlabelledUid(keyHash));
    return openAgent(containers.engine, { containerId, uid, signal });
  }

  get #holder(): Holder {
    const holdsName = async (): Promise<boolean> => (await this.#find(undefined)) !== null;
    return { sandboxId: this.id, holdsName };
  }

  /**
   * The agent does not answer: see what became of its container. One that somebody else froze goes on:
   * who sleeps is decided above, and told to this.
   * @returns whether it was frozen
   */
  async #thaw(signal: AbortSignal): Promise<boolean> {
    let thawed = false;
    await this.#inTurn(signal, async () => {
      if (this.#known.status !== "running") return;
      const found = await this.#find(signal);
      if (found?.status !== "paused") return this.#notice(found);
      await this.#options.containers.unpause(found.id, signal);
      thawed = true;
    });
    return thawed;
  }

  /** A transition, from what the engine says now. */
  #transition(
    signal: AbortSignal | undefined,
    change: (found: KnownNow) => Promise<void>,
  ): Promise<void> {
    return this.#inTurn(signal, () => this.#fromNow(signal, change));
  }

  async #fromNow(
    signal: AbortSignal | undefined,
    change: (found: KnownNow) => Promise<void>,
  ): Promise<void> {
    const found = await this.#find(signal);
    this.#notice(found);
    try {
      const { specHash = null, claimed = false, beingMade = false } = found ?? {};
      await change({ ...this.#known, specHash, claimed, beingMade });
    } catch (error) {
      if (!hasCode(error, "not-found")) throw error;
      // Somebody removed the container meanwhile.
      this.#notice(await this.#find(signal));
      await change({ ...this.#known, specHash: null, claimed: false, beingMade: false });
    }
  }

  /** One after the other, in the order in which they were asked for. */
  #inTurn(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    this.#begun++;
    const turn = this.#transitions.then(async () => {
      throwIfAborted(signal);
      await work();
    });
    const ended = (): void => void this.#ended++;
    this.#transitions = turn.then(ended, ended);
    return turn;
  }

  /** What the engine says, which is kept unless a transition changes it meanwhile. */
  async #look(signal: AbortSignal | undefined): Promise<Known> {
    const begun = this.#begun;
    const found = await this.#find(signal);
    // One that somebody else froze is as good as running: the next call makes it go on.
    const isFrozen = found?.status === "paused" && this.#known.status === "running";
    if (begun === this.#begun && begun === this.#ended && !isFrozen) this.#notice(found);
    const { containerId, uid } = this.#known;
    return found
      ? { status: found.status, containerId: found.id, uid: found.uid }
      : { status: "gone", containerId, uid };
  }

  /** The container of this very sandbox, and not of a later one of its key. */
  async #find(signal: AbortSignal | undefined): Promise<FoundContainer | null> {
    if (this.#known.status === "gone") return null;
    const { containers, keyHash, id } = this.#options;
    const found = await containers.find(keyHash, signal);
    return found?.sandboxId === id ? found : null;
  }

  #notice(found: FoundContainer | null): void {
    if (!found) return this.#learn({ ...this.#known, status: "gone" });
    const { status, id: containerId, uid } = found;
    if (status !== "stopped") return this.#learn({ status, containerId, uid });
    // Whoever stopped it knows why; the engine remembers only how.
    const wasAsked = this.#known.containerId === containerId && this.#known.wasAsked === true;
    const refusal = stopped(wasAsked ? null : found);
    this.#learn({ status, containerId, uid, ...(wasAsked && { wasAsked }) }, refusal);
  }

  #learn(known: Known, refusal = refusalOf(known.status)): void {
    const { status } = this.#known;
    this.#known = known;
    this.#refusal = refusal;
    if (known.status === "paused") this.suspend();
    else this.wake();
    if (known.status === status) return;
    if (known.status === "stopped" || known.status === "gone") this.end(refusal);
    if (known.status === "gone") this.#options.onGone();
  }
}
