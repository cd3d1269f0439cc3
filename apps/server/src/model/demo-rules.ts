/** A call of one of the console tools. */
export interface DemoCall {
  name: string;
  args: Record<string, string>;
}

/** What the demo model does for a message: these calls one after the other, then it reports. */
export interface DemoPlan {
  calls: DemoCall[];
  /** Begins the report. */
  done: string;
}

// A rule looks for words at the beginning and the end; nobody types more than that by hand.
const MAX_RULE_CHARACTERS = 20_000;

const HELLO_SCRIPT = 'print("Hello, world!")\n';

type Rule = (text: string) => DemoPlan | null;

/** The plan for a message, by fixed rules, or `null` where none fits. */
export function planDemo(message: string): DemoPlan | null {
  const text = message
    .slice(0, MAX_RULE_CHARACTERS)
    .trim()
    .replace(/^please /i, "");
  for (const rule of RULES) {
    const plan = rule(text);
    if (plan !== null) return plan;
  }
  return null;
}

const RULES: readonly Rule[] = [
  (text) => (/^\$ ?\S/.test(text) ? runPlan(text.slice(1)) : null),
  replaceRule,
  createRule,
  writeRule,
  helloRule,
  listRule,
  readRule,
  runRule,
  backtickRule,
];

function helloRule(text: string): DemoPlan | null {
  if (!/hello,? world/i.test(text)) return null;
  return {
    calls: [
      { name: "write_file", args: { path: "hello.py", content: HELLO_SCRIPT } },
      { name: "execute", args: { command: "python3 hello.py" } },
    ],
    done: "I wrote `hello.py` and ran it with `python3 hello.py`:",
  };
}

const LIST_WORDS = /^(?:(?:list|show)(?: all)?(?: the| my)? files\b|list|ls)/i;

function listRule(text: string): DemoPlan | null {
  const words = LIST_WORDS.exec(text)?.[0].toLowerCase();
  const rest = words === undefined ? null : after(text, words);
  if (rest === null) return null;
  const path = fileName(rest.replace(/^(?:in|of) /i, ""));
  if (path === null && rest !== "") return null;
  return {
    calls: [{ name: "ls", args: path === null ? {} : { path } }],
    done: "Here is what is there:",
  };
}

function readRule(text: string): DemoPlan | null {
  const path = fileName(after(text, "read") ?? after(text, "show") ?? after(text, "cat") ?? "");
  if (path === null) return null;
  return { calls: [{ name: "read_file", args: { path } }], done: `This is \`${path}\`:` };
}

// write TEXT to FILE
function writeRule(text: string): DemoPlan | null {
  const rest = after(text, "write");
  const split = rest?.toLowerCase().lastIndexOf(" to ") ?? -1;
  if (rest === null || split < 1) return null;
  return writePlan(rest.slice(split + 4), rest.slice(0, split));
}

// create FILE with TEXT
function createRule(text: string): DemoPlan | null {
  const rest = after(text, "create");
  const split = rest?.toLowerCase().indexOf(" with ") ?? -1;
  if (rest === null || split < 1) return null;
  return writePlan(rest.slice(0, split), rest.slice(split + 6));
}

function writePlan(file: string, content: string): DemoPlan | null {
  const path = fileName(file);
  if (path === null) return null;
  const text = unquoted(content.trim());
  return {
    calls: [
      { name: "write_file", args: { path, content: text.endsWith("\n") ? text : `${text}\n` } },
    ],
    done: `I wrote \`${path}\`:`,
  };
}

// replace TEXT with TEXT in FILE
function replaceRule(text: string): DemoPlan | null {
  const rest = after(text, "replace");
  if (rest === null) return null;
  const lower = rest.toLowerCase();
  const withAt = lower.indexOf(" with ");
  const inAt = lower.lastIndexOf(" in ");
  const path = fileName(rest.slice(inAt + 4));
  if (withAt < 1 || inAt < withAt + 6 || path === null) return null;
  return {
    calls: [
      {
        name: "edit_file",
        args: {
          path,
          old_string: unquoted(rest.slice(0, withAt).trim()),
          new_string: unquoted(rest.slice(withAt + 6, inAt).trim()),
        },
      },
    ],
    done: `I changed \`${path}\`:`,
  };
}

function runRule(text: string): DemoPlan | null {
  const rest = after(text, "run") ?? after(text, "execute");
  if (rest === null || rest === "") return null;
  const quoted = betweenBackticks(rest);
  if (quoted !== null) return runPlan(quoted);
  const file = fileName(rest);
  if (file?.endsWith(".py")) return runPlan(`python3 ${file}`);
  if (file?.endsWith(".sh")) return runPlan(`bash ${file}`);
  return runPlan(rest);
}

function backtickRule(text: string): DemoPlan | null {
  const command = betweenBackticks(text);
  return command === null ? null : runPlan(command);
}

function runPlan(command: string): DemoPlan {
  const trimmed = command.trim();
  return {
    calls: [{ name: "execute", args: { command: trimmed } }],
    done: `I ran \`${trimmed}\`:`,
  };
}

/** What follows the word at the beginning, without the sentence's end; `null` without the word. */
function after(text: string, word: string): string | null {
  if (text.slice(0, word.length).toLowerCase() !== word) return null;
  const rest = text.slice(word.length);
  if (rest === "" || /^[.!?]$/.test(rest)) return "";
  return /^\s/.test(rest) ? rest.trim() : null;
}

// One word that can be a path, with or without quotes; "the file " before it is no part of it.
function fileName(text: string): string | null {
  const word = unquoted(
    text
      .trim()
      .replace(/^(?:the )?file /i, "")
      .replace(/[.!?]$/, ""),
  );
  return word === "" || word.length > 200 || /\s/.test(word) ? null : word;
}

function betweenBackticks(text: string): string | null {
  const start = text.indexOf("`");
  const end = text.indexOf("`", start + 1);
  const command = start === -1 || end === -1 ? "" : text.slice(start + 1, end).trim();
  return command === "" ? null : command;
}

function unquoted(text: string): string {
  const quote = text[0];
  const isQuoted =
    text.length > 1 && (quote === '"' || quote === "'" || quote === "`") && text.endsWith(quote);
  return isQuoted ? text.slice(1, -1) : text;
}
