package main

import (
	"encoding/binary"

	"carrel-agent/wire"
)

// call is one stream of a client.
type call struct {
	*speaker
	stream uint32
	method string
	params map[string]any

	// All of these belong to the speaker's lock.
	credit    int64
	received  int64
	ended     bool
	cancelled bool
}

// waitUntil waits for something that the client does; false where it has left or cancelled.
func (c *call) waitUntil(holds func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !holds() && !c.cancelled {
		c.changed.Wait()
	}
	return !c.cancelled
}

func (c *call) untilEnd() bool { return c.waitUntil(func() bool { return c.ended }) }

func (c *call) untilCancel() { c.waitUntil(func() bool { return false }) }

// spend takes window for bytes to be sent, and waits for it.
func (c *call) spend(bytes int) bool {
	return c.waitUntil(func() bool {
		if c.credit < int64(bytes) {
			return false
		}
		c.credit -= int64(bytes)
		return true
	})
}

// data sends a piece of a body, within the window.
func (c *call) data(payload []byte) bool {
	return c.spend(len(payload)) && c.send(wire.Data, c.stream, payload)
}

// body sends bytes in pieces of a size, within the window, many frames in one write.
func (c *call) body(payload []byte, piece int) bool {
	batch := []byte{}
	for start := 0; start < len(payload); start += piece {
		end := start + piece
		if end > len(payload) {
			end = len(payload)
		}
		if !c.spend(end - start) {
			return false
		}
		batch = append(batch, frameOf(wire.Data, c.stream, payload[start:end])...)
		if len(batch) > 64*1024 {
			if !c.raw(batch) {
				return false
			}
			batch = batch[:0]
		}
	}
	return c.raw(batch)
}

// bodyForEver repeats bytes as a body until the client gives up.
func (c *call) bodyForEver(unit []byte, piece int) {
	unit = repeated(unit, 64*1024)
	for c.body(unit, piece) {
	}
}

func chunk(channel byte, sequence uint32, text []byte) []byte {
	payload := binary.BigEndian.AppendUint32([]byte{channel}, sequence)
	return append(payload, text...)
}

// output sends one chunk of what a process writes, within the window.
func (c *call) output(channel byte, sequence uint32, text string) bool {
	return c.data(chunk(channel, sequence, []byte(text)))
}

// outputs sends that many chunks of one text, many frames in one write.
func (c *call) outputs(first uint32, count int, text string) bool {
	batch := []byte{}
	for n := 0; n < count; n++ {
		payload := chunk(1, first+uint32(n), []byte(text))
		if !c.spend(len(payload)) {
			return false
		}
		batch = append(batch, frameOf(wire.Data, c.stream, payload)...)
		if len(batch) > 64*1024 {
			if !c.raw(batch) {
				return false
			}
			batch = batch[:0]
		}
	}
	return c.raw(batch)
}

func (c *call) event(payload string) bool {
	return c.spend(len(payload)) && c.text(wire.Event, c.stream, payload)
}

func (c *call) result(payload string) bool { return c.text(wire.Result, c.stream, payload) }

func (c *call) failure(payload string) bool { return c.text(wire.Failure, c.stream, payload) }

// isOutput tells a call that begins with an event and goes on with output.
func (c *call) isOutput() bool { return c.method == "spawn" || c.method == "attach" }

// isList tells a call whose body is a JSON array.
func (c *call) isList() bool {
	switch c.method {
	case "ls", "glob", "grep", "processes":
		return true
	}
	return false
}
