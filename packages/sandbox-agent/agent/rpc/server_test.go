package rpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"carrel-agent/wire"
)

// client is the other end of a served connection, frame by frame.
type client struct {
	t      *testing.T
	conn   net.Conn
	reader *wire.Reader
	served chan error
}

func serve(t *testing.T, methods map[string]Handler) *client {
	t.Helper()
	near, far := net.Pipe()
	c := &client{t: t, conn: near, reader: wire.NewReader(near), served: make(chan error, 1)}
	server := &Server{Methods: methods, Agent: "test", Instance: "0123456789abcdef", WorkDir: "/w"}
	go func() { c.served <- server.Serve(far) }()
	t.Cleanup(func() { near.Close() })
	_ = near.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

func greeted(t *testing.T, methods map[string]Handler) *client {
	c := serve(t, methods)
	c.send(wire.Hello, 0, `{"protocol":[1,1],"window":65541}`)
	if frame := c.next(); frame.Type != wire.Hello {
		t.Fatalf("a frame of type %d and not HELLO", frame.Type)
	}
	return c
}

func (c *client) send(frameType wire.Type, stream uint32, payload string) {
	c.t.Helper()
	frame := append(wire.AppendHeader(nil, frameType, stream, len(payload)), payload...)
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) next() wire.Frame {
	c.t.Helper()
	frame, err := c.reader.Next()
	if err != nil {
		c.t.Fatal(err)
	}
	return frame
}

func (c *client) expect(frameType wire.Type, stream uint32, payload string) {
	c.t.Helper()
	frame := c.next()
	if frame.Type != frameType || frame.Stream != stream || string(frame.Payload) != payload {
		c.t.Fatalf("type %d stream %d %q", frame.Type, frame.Stream, frame.Payload)
	}
}

func (c *client) expectGoodbye(code wire.Code) {
	c.t.Helper()
	frame := c.next()
	var reason wire.Error
	if frame.Type != wire.Goodbye || json.Unmarshal(frame.Payload, &reason) != nil || reason.Code != code {
		c.t.Fatalf("type %d %q", frame.Type, frame.Payload)
	}
	var served *wire.Error
	if err := <-c.served; !errors.As(err, &served) {
		c.t.Fatalf("served until %v", err)
	}
}

func echo(ctx context.Context, call *Call) (any, error) {
	_, err := io.Copy(call.Writer(ctx), call.Body(ctx))
	return struct{}{}, err
}

func untilCancelled(ctx context.Context, call *Call) (any, error) {
	<-ctx.Done()
	return nil, wire.Errorf(wire.Aborted, "given up")
}

func TestEchoesABody(t *testing.T) {
	c := greeted(t, map[string]Handler{"echo": echo})
	c.send(wire.Open, 1, `{"method":"echo"}`)
	c.send(wire.Data, 1, "one ")
	c.expect(wire.Data, 1, "one ")
	c.send(wire.Data, 1, "two")
	c.expect(wire.Data, 1, "two")
	c.send(wire.End, 1, "")
	c.expect(wire.Result, 1, "{}")
}

func TestWaitsForWindow(t *testing.T) {
	const size = 3 * 65541
	c := greeted(t, map[string]Handler{"give": func(ctx context.Context, call *Call) (any, error) {
		_, err := call.Writer(ctx).Write(make([]byte, size))
		return struct{}{}, err
	}})
	c.send(wire.Open, 1, `{"method":"give"}`)
	received := 0
	for frame := c.next(); frame.Type != wire.Result; frame = c.next() {
		received += len(frame.Payload)
		if received > 65541 {
			t.Fatal("more than the window and what was given back")
		}
		var window [4]byte
		binary.BigEndian.PutUint32(window[:], uint32(len(frame.Payload)))
		received -= len(frame.Payload)
		c.send(wire.Window, 1, string(window[:]))
	}
}

func TestGivesWindowBackAsTheBodyIsRead(t *testing.T) {
	c := greeted(t, map[string]Handler{"count": func(ctx context.Context, call *Call) (any, error) {
		size, err := io.Copy(io.Discard, call.Body(ctx))
		return size, err
	}})
	c.send(wire.Open, 1, `{"method":"count"}`)
	chunk := string(make([]byte, wire.MaxChunk))
	window, most, sent := firstWindow, 0, 0
	const size = 8 << 20
	for sent < size {
		for window >= wire.MaxChunk && sent < size {
			c.send(wire.Data, 1, chunk)
			window -= wire.MaxChunk
			sent += wire.MaxChunk
		}
		frame := c.next()
		if frame.Type != wire.Window {
			t.Fatalf("a frame of type %d", frame.Type)
		}
		if window += int(binary.BigEndian.Uint32(frame.Payload)); window > most {
			most = window
		}
	}
	go c.send(wire.End, 1, "")
	frame := c.next()
	for frame.Type == wire.Window {
		frame = c.next()
	}
	if string(frame.Payload) != fmt.Sprint(size) {
		t.Fatalf("%s bytes were read", frame.Payload)
	}
	if most <= firstWindow || most > maxReceiveWindow {
		t.Fatalf("the window of a body that is read grew to %d", most)
	}
}

func TestCancelEndsACall(t *testing.T) {
	c := greeted(t, map[string]Handler{"wait": untilCancelled})
	c.send(wire.Open, 1, `{"method":"wait"}`)
	c.send(wire.Cancel, 1, "")
	c.expect(wire.Failure, 1, `{"code":"aborted","message":"given up"}`)
}

func TestTheEndOfTheConnectionEndsItsCalls(t *testing.T) {
	ended := make(chan struct{})
	c := greeted(t, map[string]Handler{"wait": func(ctx context.Context, call *Call) (any, error) {
		defer close(ended)
		return untilCancelled(ctx, call)
	}})
	c.send(wire.Open, 1, `{"method":"wait"}`)
	c.conn.Close()
	<-ended
	if err := <-c.served; err != nil {
		t.Fatal(err)
	}
}

func TestAMistakeInAHandlerEndsOnlyItsCall(t *testing.T) {
	c := greeted(t, map[string]Handler{"echo": echo, "fail": func(context.Context, *Call) (any, error) {
		panic("at the disco")
	}})
	c.send(wire.Open, 1, `{"method":"fail"}`)
	if frame := c.next(); frame.Type != wire.Failure || !bytes.Contains(frame.Payload, []byte("unavailable")) {
		t.Fatalf("%d %s", frame.Type, frame.Payload)
	}
	c.send(wire.Ping, 0, "12345678")
	c.expect(wire.Pong, 0, "12345678")
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	c := greeted(t, map[string]Handler{})
	c.send(wire.Open, 7, `{"method":"missing"}`)
	c.expect(wire.Failure, 7, `{"code":"unsupported","message":"there is no method \"missing\""}`)
}

func TestBoundsTheOpenCalls(t *testing.T) {
	c := greeted(t, map[string]Handler{"wait": untilCancelled})
	for id := uint32(1); id <= maxStreams; id++ {
		c.send(wire.Open, id, `{"method":"wait"}`)
	}
	c.send(wire.Open, maxStreams+1, `{"method":"wait"}`)
	c.expect(wire.Failure, maxStreams+1, `{"code":"capacity","message":"256 calls are open already"}`)
}

func TestSaysGoodbyeToAClientThatBreaksTheProtocol(t *testing.T) {
	overrun := func(c *client) {
		c.send(wire.Open, 1, `{"method":"wait"}`)
		for sent := 0; sent <= firstWindow; sent += wire.MaxChunk {
			c.send(wire.Data, 1, string(make([]byte, wire.MaxChunk)))
		}
	}
	cases := map[string]struct {
		code    wire.Code
		violate func(*client)
	}{
		"a stream used twice": {wire.InvalidArgument, func(c *client) {
			c.send(wire.Open, 1, `{"method":"wait"}`)
			c.send(wire.Open, 1, `{"method":"wait"}`)
		}},
		"a window that overflows": {wire.InvalidArgument, func(c *client) {
			c.send(wire.Open, 1, `{"method":"wait"}`)
			c.send(wire.Window, 1, "\xff\xff\xff\xff")
		}},
		"data over the window": {wire.InvalidArgument, overrun},
		"data after END": {wire.InvalidArgument, func(c *client) {
			c.send(wire.Open, 1, `{"method":"wait"}`)
			c.send(wire.End, 1, "")
			c.send(wire.Data, 1, "x")
		}},
		"an OPEN that is no JSON":       {wire.InvalidArgument, func(c *client) { c.send(wire.Open, 1, "{") }},
		"a frame that only agents send": {wire.InvalidArgument, func(c *client) { c.send(wire.Result, 1, "{}") }},
		"a frame of an unknown type":    {wire.InvalidArgument, func(c *client) { c.send(wire.Type(99), 1, "") }},
		"a frame over its bound": {wire.TooLarge, func(c *client) {
			header := wire.AppendHeader(nil, wire.Data, 1, 1<<30)
			if _, err := c.conn.Write(header); err != nil {
				c.t.Fatal(err)
			}
		}},
	}
	for name, example := range cases {
		example := example
		t.Run(name, func(t *testing.T) {
			c := greeted(t, map[string]Handler{"wait": untilCancelled})
			example.violate(c)
			c.expectGoodbye(example.code)
		})
	}
}

func TestRefusesAHelloThatIsNone(t *testing.T) {
	hellos := map[string]wire.Code{
		`{`: wire.InvalidArgument, `{"protocol":[2,9],"window":65541}`: wire.Unsupported,
		`{"protocol":[1,1],"window":1}`: wire.InvalidArgument, `{"protocol":[1],"window":65541}`: wire.Unsupported,
	}
	for hello, code := range hellos {
		c := serve(t, nil)
		c.send(wire.Hello, 0, hello)
		c.expectGoodbye(code)
	}
	c := serve(t, nil)
	c.send(wire.Ping, 0, "12345678")
	c.expectGoodbye(wire.InvalidArgument)
}

// replay gives recorded bytes and takes whatever is written.
type replay struct{ io.Reader }

func (replay) Write(data []byte) (int, error)   { return len(data), nil }
func (replay) Close() error                     { return nil }
func (replay) SetReadDeadline(time.Time) error  { return nil }
func (replay) SetWriteDeadline(time.Time) error { return nil }

func FuzzServe(f *testing.F) {
	hello := append(wire.AppendHeader(nil, wire.Hello, 0, 33), `{"protocol":[1,1],"window":65541}`...)
	open := append(wire.AppendHeader(nil, wire.Open, 1, 17), `{"method":"echo"}`...)
	data := append(wire.AppendHeader(nil, wire.Data, 1, 5), "hello"...)
	f.Add(append(append(append([]byte(nil), hello...), open...), data...))
	f.Add(append(append([]byte(nil), hello...), wire.AppendHeader(nil, wire.Cancel, 1, 0)...))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, bytesIn []byte) {
		server := &Server{Methods: map[string]Handler{"echo": echo}, WorkDir: "/w"}
		_ = server.Serve(replay{bytes.NewReader(bytesIn)})
	})
}
