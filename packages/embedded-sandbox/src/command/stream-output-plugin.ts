import type { PipelineNode, ScriptNode, StatementNode, TransformPlugin, WordNode } from "just-bash";

type CommandNode = PipelineNode["commands"][number];
type CompoundNode = Extract<CommandNode, { type: "For" | "While" | "Until" | "If" | "Group" }>;
type RedirectionNode = CompoundNode["redirections"][number];

/**
 * just-bash returns what a script wrote only when the whole script has ended, and returns nothing
 * of it when the script is aborted. This plugin sends the output of each statement to two files as
 * soon as the statement ends, so that output streams and a stopped command keeps what it wrote.
 * Loops, branches and groups without redirections of their own are entered.
 */
export function streamOutputPlugin(stdoutPath: string, stderrPath: string): TransformPlugin {
  const toStdout = append(1, stdoutPath);
  const toStderr = append(2, stderrPath);

  const redirectAll = (statements: StatementNode[]): StatementNode[] => statements.map(redirect);

  function redirect(statement: StatementNode): StatementNode {
    const command = onlyCommand(statement);
    if (command?.type === "FunctionDef") return statement;
    if (command && isEnterable(command)) return withCommand(statement, enter(command));
    const pipeline = onlyPipeline(statement);
    if (pipeline && pipeline.commands.every(keepsBytesWhenRedirected)) {
      return { ...statement, pipelines: [redirectPipeline(pipeline)] };
    }
    return redirectAsGroup(statement);
  }

  function enter(command: CompoundNode): CompoundNode {
    if (command.type !== "If") return { ...command, body: redirectAll(command.body) };
    return {
      ...command,
      clauses: command.clauses.map((clause) => ({ ...clause, body: redirectAll(clause.body) })),
      elseBody: command.elseBody && redirectAll(command.elseBody),
    };
  }

  // The command's own redirections come after these, and so win, as they do in a shell.
  function redirectPipeline(pipeline: PipelineNode): PipelineNode {
    const last = pipeline.commands.length - 1;
    const commands = pipeline.commands.map((command, index): CommandNode => {
      if (command.type !== "SimpleCommand") return command;
      const added = index === last ? [toStdout, toStderr] : [toStderr];
      if (pipeline.pipeStderr?.[index]) added.pop();
      return { ...command, redirections: [...added, ...command.redirections] };
    });
    return { ...pipeline, commands };
  }

  function redirectAsGroup(statement: StatementNode): StatementNode {
    const body = [{ ...statement, background: false }];
    const group: CommandNode = { type: "Group", body, redirections: [toStdout, toStderr] };
    const pipeline: PipelineNode = { type: "Pipeline", commands: [group], negated: false };
    return {
      type: "Statement",
      pipelines: [pipeline],
      operators: [],
      background: statement.background,
    };
  }

  return {
    name: "stream-output",
    transform: ({ ast }): { ast: ScriptNode } => ({
      ast: { ...ast, statements: redirectAll(ast.statements) },
    }),
  };
}

// A group's output is decoded as text on its way to a file; a simple command's is not. `exec` with
// redirections would move the shell's own output, an assignment alone has no command to redirect,
// and a file that cannot be written ends the script unless a group is around it.
function keepsBytesWhenRedirected(command: CommandNode): boolean {
  if (command.type !== "SimpleCommand" || command.name === null) return false;
  if (isLiteral(command.name, /^exec$/)) return false;
  return !command.redirections.some(writesFile);
}

function writesFile({ operator, target }: RedirectionNode): boolean {
  const opens = [">", ">>", ">|", "&>", "&>>", "<>"].includes(operator);
  return opens && target.type === "Word" && !isLiteral(target, /^\/dev\//);
}

function isLiteral({ parts: [first] }: WordNode, pattern: RegExp): boolean {
  return first?.type === "Literal" && pattern.test(first.value);
}

function isEnterable(command: CommandNode): command is CompoundNode {
  const enterable = ["For", "While", "Until", "If", "Group"].includes(command.type);
  return enterable && (command as CompoundNode).redirections.length === 0;
}

function onlyPipeline(statement: StatementNode): PipelineNode | undefined {
  return statement.pipelines.length === 1 && !statement.background
    ? statement.pipelines[0]
    : undefined;
}

function onlyCommand(statement: StatementNode): CommandNode | undefined {
  const pipeline = onlyPipeline(statement);
  return pipeline?.commands.length === 1 && !pipeline.negated ? pipeline.commands[0] : undefined;
}

function withCommand(statement: StatementNode, command: CommandNode): StatementNode {
  const [pipeline] = statement.pipelines as [PipelineNode];
  return { ...statement, pipelines: [{ ...pipeline, commands: [command] }] };
}

function append(fd: number, path: string): RedirectionNode {
  const target: WordNode = { type: "Word", parts: [{ type: "Literal", value: path }] };
  return { type: "Redirection", fd, operator: ">>", target };
}
