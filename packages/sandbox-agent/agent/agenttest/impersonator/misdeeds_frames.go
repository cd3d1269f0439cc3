package main

import (
	"encoding/binary"
	"io"
	"strings"

	"carrel-agent/wire"
)

// claimed is a header that says what it likes.
func claimed(length uint32, kind byte, stream uint32) []byte {
	header := append(binary.BigEndian.AppendUint32(nil, length), kind)
	return binary.BigEndian.AppendUint32(header, stream)
}

// oneByOne passes each byte on in a write of its own.
type oneByOne struct{ to io.Writer }

func (w oneByOne) Write(from []byte) (int, error) {
	for at := range from {
		if _, err := w.to.Write(from[at : at+1]); err != nil {
			return at, err
		}
	}
	return len(from), nil
}

func frameMisdeeds() []misdeed {
	return []misdeed{
		everyCall("length-zero", "sends frames that say they are shorter than their header", func(c *call) {
			c.raw(claimed(0, byte(wire.Data), c.stream))
		}),
		everyCall("length-huge", "announces 4 GiB, and sends as much as is taken", func(c *call) {
			c.raw(claimed(1<<32-1, byte(wire.Data), c.stream))
			c.flood([]byte("x"))
		}),
		everyCall("length-short", "sends windows and pongs of a wrong length", func(c *call) {
			c.raw(append(claimed(5+3, byte(wire.Window), c.stream), 0, 0, 0))
		}),
		everyCall("type-unknown", "sends a frame of a type that is unknown", func(c *call) {
			c.raw(claimed(5, 99, c.stream))
		}),
		everyCall("type-reserved", "sends frames of the types that are kept for later", func(c *call) {
			for kind := byte(24); kind < 32; kind++ {
				c.raw(claimed(5, kind, c.stream))
			}
		}),
		everyCall("client-only-frames", "opens, ends and cancels calls as only a client may", func(c *call) {
			c.text(wire.Open, c.stream+1000, `{"method":"read","path":"/etc/shadow"}`)
			c.send(wire.End, c.stream, nil)
			c.send(wire.Cancel, c.stream, nil)
			honest(c)
		}),
		everyCall("data-empty", "sends data without a byte in it", func(c *call) { c.send(wire.Data, c.stream, nil) }),
		everyCall("window-zero", "grants windows of nothing", func(c *call) {
			for n := 0; n < 1000; n++ {
				c.grant(c.stream, 0)
			}
			honest(c)
		}),
		everyCall("window-overflow", "grants more window than numbers hold", func(c *call) {
			for n := 0; n < 1000; n++ {
				c.grant(c.stream, 1<<32-1)
			}
			honest(c)
		}),
		everyCall("window-overrun", "sends as much as it likes, whatever window it has", func(c *call) {
			c.preamble()
			c.flood(frameOf(wire.Data, c.stream, chunk(1, 1, repeated([]byte("x"), 60_000)[:60_000])))
		}),
		everyCall("stream-zero", "answers calls on the stream of the connection", func(c *call) {
			c.text(wire.Result, 0, c.resultOf())
			c.text(wire.Data, 0, "x")
			honest(c)
		}),
		everyCall("stream-of-another", "answers each call on the streams of others too", func(c *call) {
			for stream := uint32(1); stream < 40; stream += 2 {
				c.text(wire.Event, stream, `{"id":"other"}`)
				c.text(wire.Data, stream, "other")
			}
			honest(c)
		}),
		everyCall("result-twice", "ends each call twice", func(c *call) {
			honest(c)
			c.result(c.resultOf())
			c.failure(`{"code":"gone","message":"again"}`)
		}),
		everyCall("data-after-result", "goes on after the end", func(c *call) {
			honest(c)
			for n := uint32(0); n < 1000; n++ {
				c.send(wire.Data, c.stream, chunk(1, 100+n, []byte("after")))
			}
		}),
		everyCall("result-before-start", "ends calls that have not begun", func(c *call) { c.result(c.resultOf()) }),
		everyCall("event-unawaited", "tells events where none can be", func(c *call) {
			c.event(`{"id":"p1","type":"created","path":"/"}`)
			honest(c)
		}),
		everyCall("body-unawaited", "sends a body where none can be", func(c *call) {
			c.data([]byte("body"))
			honest(c)
		}),
		everyCall("result-no-json", "gives a result that is no JSON", func(c *call) {
			c.preamble()
			c.result(`{"found":`)
		}),
		everyCall("result-megabyte", "gives a result of 1 MiB", func(c *call) {
			c.preamble()
			c.result(`{"found":true,"more":"` + strings.Repeat("x", wire.MaxJSON-100) + `"}`)
		}),
		everyCall("result-nested", "nests its result 100,000 deep", func(c *call) {
			c.preamble()
			c.result(`{"found":true,"info":` + nested(deep) + `}`)
		}),
		everyCall("result-prototype", "sets what every object inherits", func(c *call) {
			c.preamble()
			c.result(`{"__proto__":{"found":true,"polluted":true},"constructor":{"prototype":{"polluted":true}}}`)
		}),
		everyCall("result-no-object", "gives results that are no objects", func(c *call) {
			c.preamble()
			c.result(`null`)
		}),
		everyCall("cut-half-frame", "closes the connection within a frame", func(c *call) {
			c.raw(claimed(5+100, byte(wire.Data), c.stream))
			c.close()
		}),
		{
			name: "byte-by-byte", about: "is honest, one byte in each write",
			writing: func(to io.Writer) io.Writer { return oneByOne{to} },
		},
	}
}

func errorMisdeeds() []misdeed {
	return []misdeed{
		everyCall("error-gone", "says that the sandbox is gone", func(c *call) {
			c.failure(`{"code":"gone","message":"gone"}`)
		}),
		everyCall("error-unknown", "fails with a code that is unknown", func(c *call) {
			c.failure(`{"code":"__proto__","message":"x"}`)
		}),
		everyCall("error-megabyte", "fails with a message of 1 MiB", func(c *call) {
			c.failure(`{"code":"conflict","message":"` + strings.Repeat("m", wire.MaxJSON-100) + `"}`)
		}),
		everyCall("error-control", "fails with lines for the log and the terminal", func(c *call) {
			c.failure(`{"code":"conflict","message":"a\n{\"level\":60,\"msg\":\"forged\"}\u001b[2J\u0000\u2028"}`)
		}),
		everyCall("error-no-object", "fails with something that is no error", func(c *call) { c.failure(`[1,2]`) }),
		everyCall("goodbye-mid-call", "says goodbye in the middle of each call", func(c *call) {
			c.preamble()
			c.text(wire.Goodbye, 0, `{"code":"gone","message":"`+strings.Repeat("z", 100_000)+`"}`)
		}),
	}
}
