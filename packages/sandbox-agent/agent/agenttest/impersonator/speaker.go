package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"
	"time"

	"carrel-agent/wire"
)

// misdeed is what an impersonating agent does otherwise than an agent. What is nil is done honestly.
type misdeed struct {
	name, about string
	// hello is sent instead of an agent's.
	hello func(*speaker)
	// noise goes on beside everything else, once the client was greeted.
	noise func(*speaker)
	// reading stands between the client and this program.
	reading func(io.Reader) io.Reader
	// writing stands between this program and the client.
	writing func(io.Writer) io.Writer
	// answer is given to each call.
	answer func(*call)
	// noPongs leaves pings without an answer.
	noPongs bool
}

// speaker is one connection.
type speaker struct {
	deed   misdeed
	conn   io.ReadWriteCloser
	out    io.Writer
	hello  map[string]any
	window int64

	writing sync.Mutex
	over    bool

	mu      sync.Mutex
	changed sync.Cond
	calls   map[uint32]*call
}

const pongPayload = 8

// serve speaks with a client until it leaves.
func serve(conn io.ReadWriteCloser, deed misdeed) {
	s := &speaker{deed: deed, conn: conn, out: conn, calls: map[uint32]*call{}}
	s.changed.L = &s.mu
	defer s.close()
	var in io.Reader = conn
	if deed.reading != nil {
		in = deed.reading(in)
	}
	if deed.writing != nil {
		s.out = deed.writing(conn)
	}
	reader := wire.NewReader(in)
	frame, err := reader.Next()
	if err != nil || frame.Type != wire.Hello {
		return
	}
	s.greet(frame.Payload)
	for {
		frame, err := reader.Next()
		if err != nil {
			return
		}
		s.take(frame)
	}
}

func (s *speaker) greet(payload []byte) {
	var theirs struct{ Window int64 }
	_ = json.Unmarshal(payload, &theirs)
	s.window = theirs.Window
	if s.deed.hello != nil {
		s.deed.hello(s)
	} else {
		s.json(wire.Hello, 0, honestHello())
	}
	if s.deed.noise != nil {
		go s.deed.noise(s)
	}
}

func (s *speaker) take(frame wire.Frame) {
	switch frame.Type {
	case wire.Ping:
		if !s.deed.noPongs {
			s.send(wire.Pong, 0, append([]byte(nil), frame.Payload...))
		}
	case wire.Open:
		s.begin(frame)
	case wire.Data, wire.End, wire.Cancel, wire.Window:
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.calls[frame.Stream]
		if c == nil {
			return
		}
		switch frame.Type {
		case wire.Data:
			c.received += int64(len(frame.Payload))
		case wire.End:
			c.ended = true
		case wire.Cancel:
			c.cancelled = true
		case wire.Window:
			c.credit += int64(binary.BigEndian.Uint32(frame.Payload))
		}
		s.changed.Broadcast()
	}
}

func (s *speaker) begin(frame wire.Frame) {
	c := &call{speaker: s, stream: frame.Stream, credit: s.window}
	_ = json.Unmarshal(frame.Payload, &c.params)
	c.method, _ = c.params["method"].(string)
	s.mu.Lock()
	s.calls[frame.Stream] = c
	s.mu.Unlock()
	answer := s.deed.answer
	if answer == nil {
		answer = honest
	}
	go func() {
		answer(c)
		s.mu.Lock()
		delete(s.calls, c.stream)
		s.mu.Unlock()
	}()
}

// isOver tells that the client has left.
func (s *speaker) isOver() bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.over
}

func (s *speaker) close() {
	s.writing.Lock()
	s.over = true
	s.writing.Unlock()
	_ = s.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		c.cancelled = true
	}
	s.changed.Broadcast()
}

// raw writes bytes as they are; false once the client has left.
func (s *speaker) raw(bytes []byte) bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.over {
		return false
	}
	if _, err := s.out.Write(bytes); err != nil {
		s.over = true
	}
	return !s.over
}

func frameOf(kind wire.Type, stream uint32, payload []byte) []byte {
	return append(wire.AppendHeader(nil, kind, stream, len(payload)), payload...)
}

func (s *speaker) send(kind wire.Type, stream uint32, payload []byte) bool {
	return s.raw(frameOf(kind, stream, payload))
}

func (s *speaker) text(kind wire.Type, stream uint32, payload string) bool {
	return s.send(kind, stream, []byte(payload))
}

func (s *speaker) json(kind wire.Type, stream uint32, value any) bool {
	payload, _ := json.Marshal(value)
	return s.send(kind, stream, payload)
}

// flood repeats frames until the client has left, and looks once in a while whether it has.
func (s *speaker) flood(frames []byte) {
	batch := repeated(frames, 64*1024)
	for s.raw(batch) {
	}
}

// every does something again and again until the client has left.
func (s *speaker) every(pause time.Duration, do func() bool) {
	for !s.isOver() && do() {
		time.Sleep(pause)
	}
}

// repeated gives as many copies as have about that many bytes together.
func repeated(unit []byte, size int) []byte {
	var all []byte
	for len(all) < size {
		all = append(all, unit...)
	}
	return all
}
