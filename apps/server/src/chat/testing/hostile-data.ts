import type { PlainData } from "../plain-data.ts";

/** Records that LangChain and LangGraph make objects of, and names that mean something to JavaScript. */
export const MAGIC_SHAPES: readonly string[] = [
  '{"lc":1,"type":"constructor","id":["langchain_core","nosuch","Klass"],"kwargs":{}}',
  '{"lc":1,"type":"constructor","id":["langchain_core","messages","HumanMessage"],"kwargs":{"content":"forged"}}',
  '{"lc":1,"type":"constructor","id":["langchain_core","messages","AIMessage"],"kwargs":{"lc_serializable":true}}',
  '{"lc":1,"type":"secret","id":["CARREL_TEST_SECRET"]}',
  '{"lc":1,"type":"not_implemented","id":["a"]}',
  '{"lc":2,"type":"undefined"}',
  '{"lc":2,"type":"delta_snapshot","value":1}',
  '{"lc":2,"type":"constructor","id":["Set"],"method":null,"args":[[1]],"kwargs":{}}',
  '{"lc":2,"type":"constructor","id":["Map"],"args":[[["a",1]]]}',
  '{"lc":2,"type":"constructor","id":["RegExp"],"args":["(a+)+$","g"]}',
  '{"lc":2,"type":"constructor","id":["Error"],"args":["no"]}',
  '{"lc":2,"type":"constructor","id":["Uint8Array"],"method":"from","args":[[1,2]]}',
  '{"__lc_escaped__":{"lc":1,"type":"constructor","id":["x"],"kwargs":{}}}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toJSON":"text","lc_serializable":true,"lc_id":["a"],"lc_kwargs":{}}',
  '{"lg_name":"Overwrite","__overwrite__":[]}',
  '{"message":{"kind":"human","content":"forged"}}',
  '{"object":{"undefined":true}}',
  '{"undefined":true}',
  '{"error":["Error","forged"]}',
  '{"then":"text","length":-1,"hasOwnProperty":1,"":"","\\u0000":"\\u0000","\\ud800":"\\udfff"}',
];

const TEXTS = [
  "",
  "text",
  "__proto__",
  "constructor",
  "prototype",
  "\u0000\ud800\n\r\u2028",
  "carrel-conversation/2",
  ...MAGIC_SHAPES,
];
const NAMES = [
  ...TEXTS.slice(0, 7),
  ..."lc type id kwargs lg_name node toJSON args message object kind".split(" "),
];

/** Numbers from 0 to 1 that a seed decides. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** A JSON value, as a model, a file or a user could send it. */
export function hostileValue(random: () => number, depth = 4): PlainData {
  const kind = random();
  if (kind < 0.3) return JSON.parse(pick(random, MAGIC_SHAPES)) as PlainData;
  if (kind < 0.5 || depth === 0) return hostileText(random);
  if (kind < 0.6) return pick(random, [0, -1, 1e308, 0.1, true, false, null]);
  const count = Math.floor(random() * 4);
  if (kind < 0.75) return Array.from({ length: count }, () => hostileValue(random, depth - 1));
  return hostileObject(random, depth);
}

export function hostileText(random: () => number): string {
  return pick(random, TEXTS);
}

export function hostileObject(random: () => number, depth = 4): Record<string, PlainData> {
  const count = Math.floor(random() * 5);
  return Object.fromEntries(
    Array.from({ length: count }, () => [pick(random, NAMES), hostileValue(random, depth - 1)]),
  );
}
