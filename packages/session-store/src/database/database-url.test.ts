import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parseDatabaseUrl } from "./database-url.ts";

test.each([
  ["data/sessions.db", resolve("data/sessions.db")],
  ["./a b%20.db", resolve("a b%20.db")],
  ["/var/lib/carrel/sessions.db", "/var/lib/carrel/sessions.db"],
  ["sqlite:data/sessions.db", resolve("data/sessions.db")],
  ["sqlite:/var/lib/sessions.db", "/var/lib/sessions.db"],
  ["sqlite:///var/lib/sessions.db", "/var/lib/sessions.db"],
  ["SQLITE:x.db", resolve("x.db")],
])("%j is a file of SQLite", (url, path) => {
  expect(parseDatabaseUrl(url)).toEqual({ dialect: "sqlite", path });
});

test.each([
  "postgres://me@host/db",
  "postgresql://host:5432/db?sslmode=require",
  "Postgres://h/d",
  "postgres://me@/d?host=/run/pg",
])("%j is PostgreSQL", (url) => {
  expect(parseDatabaseUrl(url)).toEqual({ dialect: "postgres", url });
});

test.each([
  "",
  "sqlite:",
  ":memory:",
  "sqlite::memory:",
  "a\0b",
  "mysql://me:secret@host/db",
  "postgres://me:secret@host:no-port/db",
  "file:x",
])("%j is refused, without a word of what may be secret in it", (url) => {
  const refused = expect.objectContaining({
    code: "invalid-argument",
    message: expect.not.stringContaining("secret"),
  });
  expect(() => parseDatabaseUrl(url)).toThrow(refused);
});
