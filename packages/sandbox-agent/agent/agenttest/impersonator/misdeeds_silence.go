package main

import (
	"io"
	"time"
)

// firstOnly reads one hello and then nothing more.
type firstOnly struct {
	from io.Reader
	left int
}

// helloBytes is more than a client's hello has.
const helloBytes = 64

func (r *firstOnly) Read(into []byte) (int, error) {
	// A program all of whose parts wait for ever would be ended by Go.
	for r.left <= 0 {
		time.Sleep(time.Hour)
	}
	if len(into) > r.left {
		into = into[:r.left]
	}
	count, err := r.from.Read(into)
	r.left -= count
	return count, err
}

// neverAgain reads what a hello may have and then nothing.
func neverAgain(from io.Reader) io.Reader { return &firstOnly{from, helloBytes} }

// slowly reads and writes one byte at a time.
type slowly struct {
	from  io.Reader
	to    io.Writer
	pause time.Duration
	free  int
}

func (s *slowly) Read(into []byte) (int, error) {
	if s.free -= 1; s.free < 0 {
		time.Sleep(s.pause)
	}
	return s.from.Read(into[:1])
}

func (s *slowly) Write(from []byte) (int, error) {
	for at := range from {
		time.Sleep(s.pause)
		if _, err := s.to.Write(from[at : at+1]); err != nil {
			return at, err
		}
	}
	return len(from), nil
}

func silenceMisdeeds() []misdeed {
	return []misdeed{
		everyCall("silent-after-hello", "answers no call", (*call).untilCancel),
		{name: "silent-without-pongs", about: "answers no call and no ping", noPongs: true, answer: (*call).untilCancel},
		{name: "reads-never", about: "reads nothing after the hello", reading: neverAgain},
		{name: "reads-slowly", about: "reads one byte each 100 ms", reading: func(from io.Reader) io.Reader {
			return &slowly{from: from, pause: 100 * time.Millisecond, free: helloBytes}
		}},
		{name: "writes-slowly", about: "writes one byte each 5 ms", writing: func(to io.Writer) io.Writer {
			return &slowly{to: to, pause: 5 * time.Millisecond}
		}},
		everyCall("begins-then-silent", "begins each call and then says nothing", func(c *call) {
			c.preamble()
			c.untilCancel()
		}),
		everyCall("half-an-answer", "sends half of each body and then nothing", func(c *call) {
			if c.preamble() && (c.isList() || hasBody(c)) {
				c.data([]byte("["))
			}
			c.untilCancel()
		}),
		everyCall("window-as-life", "grants window for ever instead of an answer", func(c *call) {
			c.every(10*time.Millisecond, func() bool { return c.grant(c.stream, 1) })
		}),
		everyCall("byte-as-life", "sends one byte of a body each 100 ms for ever", func(c *call) {
			c.preamble()
			c.every(100*time.Millisecond, func() bool { return c.data([]byte(" ")) })
		}),
	}
}
