package main

import (
	"fmt"
	"strings"
	"time"

	"carrel-agent/wire"
)

// noisy gives a misdeed that repeats frames beside honest answers.
func noisy(name, about string, frames []byte) misdeed {
	return misdeed{name: name, about: about, noise: func(s *speaker) { s.flood(frames) }}
}

func floodMisdeeds() []misdeed {
	return []misdeed{
		noisy("flood-pong", "repeats pongs that nobody asked for", frameOf(wire.Pong, 0, make([]byte, pongPayload))),
		noisy("flood-ping", "repeats pings", frameOf(wire.Ping, 0, make([]byte, pongPayload))),
		noisy("flood-window", "repeats windows for a stream that is over", frameOf(wire.Window, 1, []byte{0, 0, 0, 1})),
		noisy("flood-window-stray", "repeats windows for streams that never were", frameOf(wire.Window, 1<<31-1, []byte{0, 0, 0, 1})),
		noisy("flood-stray-data", "repeats data of a stream that never was", frameOf(wire.Data, 1<<31-1, []byte("x"))),
		noisy("flood-stray-event", "repeats events of a stream that never was", frameOf(wire.Event, 1<<31-1, []byte("{}"))),
		noisy("flood-stray-result", "repeats results of streams that never were", frameOf(wire.Result, 1<<31-1, []byte("{}"))),
		{name: "ping-unread", about: "repeats pings and reads no answer", reading: neverAgain,
			noise: func(s *speaker) { s.flood(frameOf(wire.Ping, 0, make([]byte, pongPayload))) }},
		instead("flood-watch-events", "tells events without end", of("watch"), func(c *call) {
			for n := 0; c.event(fmt.Sprintf(`{"type":"changed","path":"/workspace/%d"}`, n)); n++ {
			}
		}),
		instead("flood-watch-huge-events", "tells events of 1 MiB", of("watch"), func(c *call) {
			for c.event(`{"type":"changed","path":"/workspace/a","more":"` + strings.Repeat("x", 900_000) + `"}`) {
			}
		}),
		instead("output-tiny-chunks", "answers execute with 1 MB of output in chunks of one byte", (*call).isOutput, func(c *call) {
			if c.preamble() && c.outputs(1, 1_000_000, "x") {
				c.result(exited)
			}
		}),
		instead("output-tiny-chunks-unended", "as output-tiny-chunks, and never ends", (*call).isOutput, func(c *call) {
			if c.preamble() && c.outputs(1, 1_000_000, "x") {
				c.untilCancel()
			}
		}),
		instead("output-flood", "writes output without end", (*call).isOutput, func(c *call) {
			text := strings.Repeat("x", 60_000)
			for n := uint32(1); c.preamble0(n) && c.output(1, n, text); n++ {
			}
		}),
		instead("body-tiny-chunks", "sends 4 MiB of each body in chunks of one byte", hasBody, func(c *call) {
			if c.preamble() && c.body(repeated([]byte("a"), 4<<20), 1) {
				c.result(c.resultOf())
			}
		}),
		instead("list-tiny-chunks", "sends lists of 20,000 entries in chunks of one byte", (*call).isList, func(c *call) {
			if c.body([]byte("["+listOf(c, 20_000)+"]"), 1) {
				c.result(c.resultOf())
			}
		}),
		instead("flood-terminal", "floods a terminal", of("openTerminal"), func(c *call) {
			if c.preamble() {
				c.bodyForEver([]byte("x"), 60_000)
			}
		}),
		instead("flood-terminal-tiny", "floods a terminal with chunks of one byte", of("openTerminal"), func(c *call) {
			if c.preamble() {
				c.bodyForEver([]byte("x"), 1)
			}
		}),
		instead("flood-connect", "floods a connection with chunks of one byte", of("connect"), func(c *call) {
			if c.preamble() {
				c.bodyForEver([]byte("x"), 1)
			}
		}),
		{name: "reconnect-storm", about: "breaks each connection as soon as a call has begun", answer: func(c *call) {
			if c.isOutput() && c.preamble() {
				c.output(1, uint32(time.Now().UnixMilli()), "x")
			}
			c.close()
		}},
	}
}

// preamble0 sends the event of a call before its first chunk.
func (c *call) preamble0(chunk uint32) bool { return chunk != 1 || c.preamble() }

// listOf gives honest elements of a list.
func listOf(c *call, count int) string {
	return strings.TrimSuffix(strings.Repeat(c.element()+",", count), ",")
}
