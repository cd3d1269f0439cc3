package main

import (
	"strings"

	"carrel-agent/wire"
)

const (
	instance    = "0123456789abcdef"
	firstWindow = 1024 * 1024
	entry       = `{"path":"/workspace/a","type":"file","size":1,"mode":420,"mtimeMs":1}`
	match       = `{"path":"/workspace/a","line":1,"text":"a"}`
	running     = `{"id":"p1","command":"true","startedAt":"2026-01-31T12:00:00.000Z","result":null}`
	started     = `{"id":"p1","startedAt":"2026-01-31T12:00:00.000Z","open":true}`
	exited      = `{"outcome":"exited","exitCode":0,"signal":null,"truncated":false,"durationMs":1}`
	lineRange   = `{"found":true,"lines":1,"offset":0,"nextOffset":null,"totalLines":1,"hash":null,"cutLines":[],"binary":false}`
)

var hash = strings.Repeat("0", 64)

func honestHello() map[string]any {
	return map[string]any{
		"protocol": 1, "agent": "0.1.0", "instance": instance, "workDir": "/workspace", "window": firstWindow,
	}
}

// element is one honest element of a list.
func (c *call) element() string {
	switch c.method {
	case "grep":
		return match
	case "processes":
		return running
	}
	return entry
}

// answers are the results of calls that need nothing else.
var answers = map[string]string{
	"stat":           `{"info":` + entry + `}`,
	"read":           `{"found":true}`,
	"readLines":      lineRange,
	"readStream":     `{}`,
	"archive":        `{}`,
	"write":          `{"sizeBytes":1,"hash":"` + hash + `","created":true}`,
	"edit":           `{"replacements":1,"sizeBytes":1,"hash":"` + hash + `","firstLine":1}`,
	"remove":         `{"removed":true}`,
	"ls":             `{}`,
	"processes":      `{}`,
	"glob":           `{"truncated":false}`,
	"grep":           `{"truncated":false}`,
	"diskUsage":      `{"bytes":1,"complete":true}`,
	"move":           `{}`,
	"mkdir":          `{}`,
	"kill":           `{}`,
	"signal":         `{}`,
	"resizeTerminal": `{}`,
	"spawn":          exited,
	"attach":         exited,
	"openTerminal":   `{}`,
	"connect":        `{}`,
}

// resultOf is the honest result of the call.
func (c *call) resultOf() string { return answers[c.method] }

// honest answers a call as an agent would, about a world that it invents.
func honest(c *call) {
	if !c.preamble() {
		return
	}
	switch c.method {
	case "read", "readLines", "readStream", "archive":
		_ = c.data([]byte("a"))
	case "ls", "glob", "grep", "processes":
		_ = c.data([]byte("[" + c.element() + "]"))
	case "spawn", "attach":
		_ = c.output(1, 1, "a\n")
	case "watch":
		_ = c.event(`{"type":"changed","path":"/workspace/a"}`)
		c.untilCancel()
		return
	case "openTerminal", "connect":
		_ = c.data([]byte("a"))
	}
	c.result(c.resultOf())
}

// preamble is what comes before a body: the client's own body, and the event of a call that has begun.
func (c *call) preamble() bool {
	switch c.method {
	case "write", "edit":
		return c.untilEnd()
	case "spawn", "attach":
		return c.event(started)
	case "openTerminal":
		return c.event(`{"id":"t1"}`)
	case "connect":
		return c.event(`{}`)
	}
	return true
}

// grant gives the client more window.
func (s *speaker) grant(stream, bytes uint32) bool {
	return s.send(wire.Window, stream, []byte{byte(bytes >> 24), byte(bytes >> 16), byte(bytes >> 8), byte(bytes)})
}
