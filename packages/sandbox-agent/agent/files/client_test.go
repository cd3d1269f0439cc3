package files

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const testDeadline = 60 * time.Second

// client calls the methods over a real connection, as the host does.
type client struct {
	t     testing.TB
	conn  *os.File
	write sync.Mutex
	mu    sync.Mutex
	last  uint32
	calls map[uint32]*testCall
	done  chan struct{} // the agent has ended the connection
}

type testCall struct {
	client *client
	stream uint32
	body   bytes.Buffer
	taken  int64       // bytes of the body, also where they were not kept
	drop   atomic.Bool // nothing of the body is kept
	events chan json.RawMessage
	window chan int
	result json.RawMessage
	err    *wire.Error
	over   chan struct{}
}

// agent serves the methods to a new client.
func agent(t testing.TB) *client { return connect(t, Methods()) }

func connect(t testing.TB, methods map[string]rpc.Handler) *client {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
	c := &client{t: t, conn: near, calls: map[uint32]*testCall{}, done: make(chan struct{})}
	server := &rpc.Server{Methods: methods, Agent: "test", Instance: "0123456789abcdef", WorkDir: "/"}
	go func() {
		_ = server.Serve(far)
		close(c.done)
	}()
	t.Cleanup(c.disconnect)
	reader := wire.NewReader(near)
	c.send(wire.Hello, 0, []byte(`{"protocol":[1,1],"window":1048576}`))
	if frame, err := reader.Next(); err != nil || frame.Type != wire.Hello {
		t.Fatalf("no HELLO: %v", err)
	}
	go c.receive(reader)
	return c
}

func (c *client) disconnect() {
	_ = c.conn.Close()
	<-c.done
}

func (c *client) send(kind wire.Type, stream uint32, payload []byte) {
	c.write.Lock()
	defer c.write.Unlock()
	// A connection that ended shows in its calls.
	_, _ = c.conn.Write(append(wire.AppendHeader(nil, kind, stream, len(payload)), payload...))
}

func (c *client) receive(reader *wire.Reader) {
	for {
		frame, err := reader.Next()
		c.mu.Lock()
		if err != nil {
			for _, call := range c.calls {
				call.err = wire.Errorf(wire.Unavailable, "%v", err)
				close(call.over)
			}
			c.calls = nil
			c.mu.Unlock()
			return
		}
		call := c.calls[frame.Stream]
		if call != nil && (frame.Type == wire.Result || frame.Type == wire.Failure) {
			delete(c.calls, frame.Stream)
		}
		c.mu.Unlock()
		if call != nil {
			call.take(frame)
		}
	}
}

func (c *testCall) take(frame wire.Frame) {
	switch frame.Type {
	case wire.Data:
		c.taken += int64(len(frame.Payload))
		if !c.drop.Load() {
			c.body.Write(frame.Payload)
		}
		c.widen(len(frame.Payload))
	case wire.Event:
		c.widen(len(frame.Payload))
		c.events <- append(json.RawMessage(nil), frame.Payload...)
	case wire.Window:
		c.window <- int(binary.BigEndian.Uint32(frame.Payload))
	case wire.Result:
		c.result = append(c.result, frame.Payload...)
		close(c.over)
	case wire.Failure:
		c.err = &wire.Error{}
		_ = json.Unmarshal(frame.Payload, c.err)
		close(c.over)
	}
}

func (c *testCall) widen(by int) {
	var payload [4]byte
	binary.BigEndian.PutUint32(payload[:], uint32(by))
	c.client.send(wire.Window, c.stream, payload[:])
}

type params map[string]any

// open begins a call and leaves its body to the caller.
func (c *client) open(method string, with params) *testCall {
	payload := params{"method": method}
	for name, value := range with {
		if text, ok := value.(string); ok && name != "ifHash" {
			value = wire.Bytes(text)
		}
		payload[name] = value
	}
	text, err := json.Marshal(payload)
	if err != nil {
		c.t.Fatal(err)
	}
	call := &testCall{
		client: c,
		events: make(chan json.RawMessage, 100_000),
		window: make(chan int, 100_000),
		over:   make(chan struct{}),
	}
	c.mu.Lock()
	c.last++
	call.stream = c.last
	if c.calls == nil {
		c.mu.Unlock()
		call.err = wire.Errorf(wire.Unavailable, "disconnected")
		close(call.over)
		return call
	}
	c.calls[call.stream] = call
	c.send(wire.Open, call.stream, text)
	c.mu.Unlock()
	return call
}

// sendBody gives all of a body, as fast as the agent takes it.
func (c *testCall) sendBody(body io.Reader) {
	block := make([]byte, wire.MaxChunk)
	window := 128 * 1024
	for {
		count, err := io.ReadFull(body, block)
		for window < count {
			select {
			case more := <-c.window:
				window += more
			case <-c.over:
				return
			}
		}
		if count > 0 {
			c.client.send(wire.Data, c.stream, block[:count])
			window -= count
		}
		if err != nil {
			return
		}
	}
}

func (c *testCall) end()    { c.client.send(wire.End, c.stream, nil) }
func (c *testCall) cancel() { c.client.send(wire.Cancel, c.stream, nil) }

// wait gives the code that the call ended with; "" where it succeeded.
func (c *testCall) wait() wire.Code {
	select {
	case <-c.over:
	case <-time.After(testDeadline):
		panic("a call hangs")
	}
	if c.err != nil {
		return c.err.Code
	}
	return ""
}

func (c *client) call(method string, with params, body string) *testCall {
	call := c.open(method, with)
	call.sendBody(bytes.NewReader([]byte(body)))
	call.end()
	call.wait()
	return call
}

// do is a call that succeeds.
func (c *client) do(method string, with params, body string) *testCall {
	c.t.Helper()
	call := c.call(method, with, body)
	if call.err != nil {
		c.t.Fatalf("%s %v: %v", method, with, call.err)
	}
	return call
}

// fails is a call that ends with a code.
func (c *client) fails(code wire.Code, method string, with params, body string) {
	c.t.Helper()
	if call := c.call(method, with, body); call.err == nil || call.err.Code != code {
		c.t.Errorf("%s %v: %v, not %s", method, with, call.err, code)
	}
}

func (c *testCall) into(value any) {
	c.client.t.Helper()
	if err := json.Unmarshal(c.result, value); err != nil {
		c.client.t.Fatal(err)
	}
}

// makeFile makes a file with its parents, as a command in the sandbox would.
func makeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func expectContent(t testing.TB, path, content string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("%s is %.80q (%v), not %.80q", path, got, err, content)
	}
}

// expectNames also sees what a list leaves out.
func expectNames(t testing.TB, directory string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	if len(found) != len(names) {
		t.Fatalf("%s has %q, not %q", directory, found, names)
	}
	for i, name := range names {
		if found[i] != name {
			t.Errorf("%s has %q, not %q", directory, found, names)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
