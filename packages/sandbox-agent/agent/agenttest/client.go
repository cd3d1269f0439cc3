// Package agenttest calls an agent's methods over a real connection, for tests.
package agenttest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// Window is what a client gives every stream at first.
const Window = 1024 * 1024

// Client is one connection.
type Client struct {
	// Agent is what the agent said of itself.
	Agent Agent

	t       testing.TB
	conn    io.ReadWriteCloser
	control *Call

	writing sync.Mutex
	mu      sync.Mutex
	last    uint32
	calls   map[uint32]*Call
	broken  bool
}

// Agent is the agent's HELLO.
type Agent struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"agent"`
	Instance string `json:"instance"`
	WorkDir  string `json:"workDir"`
}

// Params of a call, beside its method.
type Params map[string]any

// Connect serves the methods to a new client.
func Connect(t testing.TB, methods map[string]rpc.Handler) *Client {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
	server := &rpc.Server{Methods: methods, Agent: "test", Instance: "0123456789abcdef", WorkDir: "/"}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(far)
		close(served)
	}()
	t.Cleanup(func() {
		_ = near.Close()
		<-served
	})
	c, err := Speak(t, near)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Speak says hello to an agent at the other end of a byte stream.
func Speak(t testing.TB, conn io.ReadWriteCloser) (*Client, error) {
	c := &Client{t: t, conn: conn, calls: map[uint32]*Call{}}
	c.control = newCall(c)
	c.calls[0] = c.control
	c.Send(wire.Hello, 0, []byte(fmt.Sprintf(`{"protocol":[1,1],"window":%d}`, Window)))
	reader := wire.NewReader(conn)
	frame, err := reader.Next()
	if err != nil {
		return nil, err
	}
	if frame.Type != wire.Hello {
		return nil, fmt.Errorf("no HELLO but %s", frame.Payload)
	}
	if err := json.Unmarshal(frame.Payload, &c.Agent); err != nil {
		return nil, err
	}
	go c.receive(reader)
	return c, nil
}

// Control has the frames that belong to no call: answers to pings, GOODBYE, and at last a Failure that
// stands for the end of the connection.
func (c *Client) Control() *Call { return c.control }

// Ping waits until the agent has answered.
func (c *Client) Ping() {
	c.t.Helper()
	c.Send(wire.Ping, 0, []byte("12345678"))
	if frame := c.control.Next(); frame.Type != wire.Pong || string(frame.Payload) != "12345678" {
		c.t.Fatalf("a ping was answered with a frame of type %d: %s", frame.Type, frame.Payload)
	}
}

// Close breaks the connection.
func (c *Client) Close() { _ = c.conn.Close() }

// Send writes one frame. A connection that ended shows in its calls.
func (c *Client) Send(kind wire.Type, stream uint32, payload []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.conn.Write(append(wire.AppendHeader(nil, kind, stream, len(payload)), payload...))
}

func (c *Client) receive(reader *wire.Reader) {
	for {
		frame, err := reader.Next()
		if err != nil {
			c.breakOff()
			return
		}
		frame.Payload = append([]byte(nil), frame.Payload...)
		c.mu.Lock()
		call := c.calls[frame.Stream]
		if frame.Type == wire.Result || frame.Type == wire.Failure {
			delete(c.calls, frame.Stream)
		}
		c.mu.Unlock()
		if call != nil {
			call.put(frame)
		}
	}
}

func (c *Client) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	for _, call := range c.calls {
		call.put(wire.Frame{Type: wire.Failure, Payload: []byte(`{"code":"unavailable"}`)})
	}
}

// Open begins a call.
func (c *Client) Open(method string, params Params) *Call {
	c.t.Helper()
	payload := Params{"method": method}
	for name, value := range params {
		payload[name] = value
	}
	text, err := json.Marshal(payload)
	if err != nil {
		c.t.Fatal(err)
	}
	call := newCall(c)
	// Numbers rise on the wire as well.
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.last++
	call.stream = c.last
	c.calls[call.stream] = call
	if c.broken {
		call.put(wire.Frame{Type: wire.Failure, Payload: []byte(`{"code":"unavailable"}`)})
	}
	c.mu.Unlock()
	_, _ = c.conn.Write(append(wire.AppendHeader(nil, wire.Open, call.stream, len(text)), text...))
	return call
}

// Call is one stream. Its frames are kept until they are asked for, in order.
type Call struct {
	client *Client
	stream uint32
	// Stingy gives no window back. Set before the first frame can come.
	Stingy bool

	mu      sync.Mutex
	arrived sync.Cond
	frames  []wire.Frame
}

func newCall(client *Client) *Call {
	call := &Call{client: client}
	call.arrived.L = &call.mu
	return call
}

func (c *Call) put(frame wire.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, frame)
	c.arrived.Signal()
}

// Next is the next frame of the call; window is given back for it.
func (c *Call) Next() wire.Frame {
	c.mu.Lock()
	for len(c.frames) == 0 {
		c.arrived.Wait()
	}
	frame := c.frames[0]
	c.frames = c.frames[1:]
	c.mu.Unlock()
	if !c.Stingy && (frame.Type == wire.Data || frame.Type == wire.Event) {
		var by [4]byte
		binary.BigEndian.PutUint32(by[:], uint32(len(frame.Payload)))
		c.client.Send(wire.Window, c.stream, by[:])
	}
	return frame
}

// Event is the next frame, which is an event.
func (c *Call) Event(into any) {
	c.client.t.Helper()
	frame := c.Next()
	if frame.Type != wire.Event {
		c.client.t.Fatalf("a frame of type %d and not an event: %s", frame.Type, frame.Payload)
	}
	if err := json.Unmarshal(frame.Payload, into); err != nil {
		c.client.t.Fatal(err)
	}
}

// Write sends a part of the body.
func (c *Call) Write(data string) { c.client.Send(wire.Data, c.stream, []byte(data)) }

// End ends the body.
func (c *Call) End() { c.client.Send(wire.End, c.stream, nil) }

// Cancel gives the call up.
func (c *Call) Cancel() { c.client.Send(wire.Cancel, c.stream, nil) }

// Finish gives the rest of the body, and the result or the error.
func (c *Call) Finish(into any) (body []byte, failed *wire.Error) {
	c.client.t.Helper()
	for {
		frame := c.Next()
		switch frame.Type {
		case wire.Data:
			body = append(body, frame.Payload...)
		case wire.Result:
			if err := json.Unmarshal(frame.Payload, into); err != nil {
				c.client.t.Fatal(err)
			}
			return body, nil
		case wire.Failure:
			failed = &wire.Error{}
			if err := json.Unmarshal(frame.Payload, failed); err != nil {
				c.client.t.Fatal(err)
			}
			return body, failed
		}
	}
}
