// Package rpc serves calls on a byte stream: hello, streams, flow control, cancelling.
package rpc

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"carrel-agent/wire"
)

const (
	// firstWindow is what each call can be sent before it reads; one that reads is given more.
	firstWindow      = 128 * 1024
	maxReceiveWindow = 1024 * 1024
	minWindow        = wire.MaxChunk + wire.ChunkHead
	maxWindow        = 16 * 1024 * 1024
	maxStreams       = 256
	helloTime        = 10 * time.Second
	silentTime       = 60 * time.Second
	goodbyeTime      = time.Second
)

// Transport is the byte stream to a client. A deadline that passes ends the read or the write.
type Transport interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Server is what every connection of an agent shares.
type Server struct {
	Methods  map[string]Handler
	Agent    string // the program's version
	Instance string
	WorkDir  string
}

type connection struct {
	server *Server
	input  *wire.Reader
	out    *output
	share  *Share
	window int // the first window of what the client sends
	peer   int // the first window of what it is sent

	mu      sync.Mutex
	streams map[uint32]*stream
	last    uint32
	greeted bool
	since   time.Time // since when no call is open
}

type clientHello struct {
	Protocol []int `json:"protocol"`
	Window   int   `json:"window"`
}

type agentHello struct {
	Protocol int        `json:"protocol"`
	Agent    string     `json:"agent"`
	Instance string     `json:"instance"`
	WorkDir  wire.Bytes `json:"workDir"`
	Window   int        `json:"window"`
}

// Serve speaks with one client until either side ends it, with a share of its own. The error tells
// why, nil is a client that left between two frames. Calls that still run have their context ended.
func (s *Server) Serve(transport Transport) error {
	return s.NewConnection(transport, NewShare(DefaultLimits)).Serve()
}

// NewConnection is what speaks with one client, as one of those that have a share together.
func (s *Server) NewConnection(transport Transport, share *Share) *Connection {
	return &Connection{transport: transport, connection: &connection{
		server:  s,
		share:   share,
		input:   wire.NewReader(transport),
		window:  firstWindow,
		streams: map[uint32]*stream{},
		since:   time.Now(),
	}}
}

// Connection is a client that is served.
type Connection struct {
	transport  Transport
	connection *connection
}

// Serve speaks with the client, as Server.Serve.
func (served *Connection) Serve() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, transport := served.connection, served.transport
	c.out = newOutput(&deadlineWriter{transport})
	err := c.hello(transport)
	for err == nil {
		_ = transport.SetReadDeadline(time.Now().Add(silentTime))
		err = c.next(ctx)
	}
	c.goodbye(err)
	cancel()
	c.out.close()
	select {
	case <-c.out.done:
	case <-time.After(goodbyeTime):
	}
	_ = transport.Close()
	if err == io.EOF {
		return nil
	}
	return err
}

// deadlineWriter gives up a client that takes nothing for as long as one may be silent.
type deadlineWriter struct{ transport Transport }

func (w *deadlineWriter) Write(data []byte) (int, error) {
	_ = w.transport.SetWriteDeadline(time.Now().Add(silentTime))
	return w.transport.Write(data)
}

func (c *connection) hello(transport Transport) error {
	_ = transport.SetReadDeadline(time.Now().Add(helloTime))
	frame, err := c.input.Next()
	if err != nil {
		return err
	}
	var hello clientHello
	if frame.Type != wire.Hello || frame.Stream != 0 || json.Unmarshal(frame.Payload, &hello) != nil {
		return wire.Errorf(wire.InvalidArgument, "the first frame is no HELLO")
	}
	if len(hello.Protocol) != 2 || hello.Protocol[0] > wire.Version || hello.Protocol[1] < wire.Version {
		return wire.Errorf(wire.Unsupported, "this agent speaks version %d of the protocol", wire.Version)
	}
	if hello.Window < minWindow || hello.Window > maxWindow {
		return wire.Errorf(wire.InvalidArgument, "a window of %d bytes", hello.Window)
	}
	c.peer = hello.Window
	c.mu.Lock()
	c.greeted, c.since = true, time.Now()
	c.mu.Unlock()
	return c.json(wire.Hello, 0, agentHello{
		Protocol: wire.Version,
		Agent:    c.server.Agent,
		Instance: c.server.Instance,
		WorkDir:  wire.Bytes(c.server.WorkDir),
		Window:   c.window,
	})
}

// goodbye tells a client that broke the protocol so. One that is silent or gone is not told.
func (c *connection) goodbye(err error) {
	var reason *wire.Error
	if errors.As(err, &reason) {
		_ = c.json(wire.Goodbye, 0, reason)
	}
}

func (c *connection) json(frameType wire.Type, id uint32, value any) error {
	payload, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := wire.CheckSize(frameType, len(payload)); err != nil {
		return wire.Errorf(wire.TooLarge, "%v", err)
	}
	return c.out.frame(frameType, id, nil, payload)
}

// next does what one frame asks for. It never waits for a handler.
func (c *connection) next(ctx context.Context) error {
	frame, err := c.input.Next()
	if err != nil {
		return err
	}
	switch frame.Type {
	case wire.Ping:
		return c.out.frame(wire.Pong, 0, nil, frame.Payload)
	case wire.Pong:
		return nil
	case wire.Goodbye:
		return io.EOF
	case wire.Open:
		return c.open(ctx, frame)
	case wire.Data, wire.End, wire.Cancel, wire.Window:
		return c.pass(frame)
	}
	return wire.Errorf(wire.InvalidArgument, "a client sends no frame of type %d here", frame.Type)
}

// pass hands a frame to its stream. One that is over is passed over.
func (c *connection) pass(frame wire.Frame) error {
	c.mu.Lock()
	s := c.streams[frame.Stream]
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	ok := true
	switch frame.Type {
	case wire.Data:
		ok = s.deliver(frame.Payload)
	case wire.End:
		s.deliverEnd()
	case wire.Cancel:
		s.cancel()
	case wire.Window:
		ok = len(frame.Payload) == 4 && s.widen(binary.BigEndian.Uint32(frame.Payload))
	}
	if !ok {
		return wire.Errorf(wire.InvalidArgument, "a frame of type %d is against the window or the END of stream %d", frame.Type, frame.Stream)
	}
	return nil
}

func (c *connection) open(ctx context.Context, frame wire.Frame) error {
	if frame.Stream <= c.last || frame.Stream > 1<<31-1 {
		return wire.Errorf(wire.InvalidArgument, "stream %d was used before, or is none", frame.Stream)
	}
	c.last = frame.Stream
	var head struct {
		Method string `json:"method"`
	}
	if err := json.Unmarshal(frame.Payload, &head); err != nil {
		return wire.Errorf(wire.InvalidArgument, "an OPEN that is no JSON: %v", err)
	}
	handler, ok := c.server.Methods[head.Method]
	if !ok {
		return c.json(wire.Failure, frame.Stream, wire.Errorf(wire.Unsupported, "there is no method %q", head.Method))
	}
	callCtx, cancel := context.WithCancel(ctx)
	s := &stream{
		id: frame.Stream, conn: c, connection: ctx, cancel: cancel,
		receiveWindow: c.window, sendWindow: c.peer,
	}
	c.mu.Lock()
	var refused error
	if len(c.streams) >= maxStreams {
		refused = wire.Errorf(wire.Capacity, "%d calls are open already", maxStreams)
	} else if refused = c.share.begin(len(frame.Payload)); refused == nil {
		c.streams[s.id] = s
	}
	c.mu.Unlock()
	if refused != nil {
		cancel()
		return c.json(wire.Failure, s.id, refused)
	}
	// The frame's payload is used again for the next one.
	go c.run(callCtx, s, handler, append([]byte(nil), frame.Payload...))
	return nil
}

func (c *connection) run(ctx context.Context, s *stream, handler Handler, params []byte) {
	call := &Call{stream: s, params: params, work: &Work{share: c.share}}
	result, err := guarded(ctx, handler, call)
	s.cancel()
	call.release()
	call.work.end()
	s.end()
	c.share.end()
	c.mu.Lock()
	delete(c.streams, s.id)
	c.since = time.Now()
	c.mu.Unlock()
	if err == nil {
		if err = c.json(wire.Result, s.id, result); err == nil {
			return
		}
	}
	var known *wire.Error
	if !errors.As(err, &known) {
		known = wire.Errorf(wire.Unavailable, "%v", err)
	}
	// Where this fails the connection is over, and its reader ends it.
	_ = c.json(wire.Failure, s.id, known)
}

// guarded keeps a mistake in one handler from ending every process of the sandbox.
func guarded(ctx context.Context, handler Handler, call *Call) (result any, err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			err = fmt.Errorf("the agent failed: %v", mistake)
		}
	}()
	return handler(ctx, call)
}

// IsGreeted tells whether the client has said HELLO.
func (served *Connection) IsGreeted() bool {
	served.connection.mu.Lock()
	defer served.connection.mu.Unlock()
	return served.connection.greeted
}

// IdleSince is the time since which the client has no call open; false if it has one.
func (served *Connection) IdleSince() (time.Time, bool) {
	served.connection.mu.Lock()
	defer served.connection.mu.Unlock()
	return served.connection.since, len(served.connection.streams) == 0
}

// Close breaks the connection off. Serve then returns.
func (served *Connection) Close() { _ = served.transport.Close() }
