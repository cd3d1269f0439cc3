package rpc

import (
	"context"
	"encoding/json"
	"io"

	"carrel-agent/wire"
)

// Handler does one call. What it returns becomes the RESULT, or the ERROR: a *wire.Error as it is,
// anything else as `unavailable`. The context ends with CANCEL and with the connection.
type Handler func(ctx context.Context, call *Call) (any, error)

// Call is one stream, as the handler of its method sees it.
type Call struct {
	stream *stream
	params []byte // nil once they were decoded
	work   *Work
}

// Params decodes the parameters of the call, once. Unknown fields are passed over.
func (c *Call) Params(into any) error {
	params := c.params
	c.release()
	if err := json.Unmarshal(params, into); err != nil {
		return wire.Errorf(wire.InvalidArgument, "the parameters of the call: %v", err)
	}
	return nil
}

// release lets go of the parameters, which may be much larger than what is decoded of them.
func (c *Call) release() {
	c.stream.conn.share.decoded(len(c.params))
	c.params = nil
}

// Work counts the memory that the call holds.
func (c *Call) Work() *Work { return c.work }

// FromGuest tells that a program of the sandbox may have made the call.
func (c *Call) FromGuest() bool { return c.stream.conn.share.guest }

// Connection ends with the connection only. A handler whose work goes on after CANCEL (a process
// that is being killed still has output to tell) sends with it.
func (c *Call) Connection() context.Context { return c.stream.connection }

// Body is what the client sends, until its END: then io.EOF. io.ErrUnexpectedEOF where the context
// ended before. One reader at a time; reading is what gives the client new window.
func (c *Call) Body(ctx context.Context) io.Reader { return &body{ctx: ctx, stream: c.stream} }

// Writer sends bytes of the body, in as many frames as it takes; it waits while the client has not
// given enough window, and fails once the context ended.
func (c *Call) Writer(ctx context.Context) io.Writer { return &bodyWriter{ctx: ctx, stream: c.stream} }

// WriteChunk sends one chunk of an output stream: head, then 1 to wire.MaxChunk bytes, in one frame.
func (c *Call) WriteChunk(ctx context.Context, head [wire.ChunkHead]byte, data []byte) error {
	return c.stream.send(ctx, wire.Data, head[:], data)
}

// Event tells the client of something; it waits for window like Writer.
func (c *Call) Event(ctx context.Context, value any) error {
	payload, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.stream.send(ctx, wire.Event, nil, payload)
}

type body struct {
	ctx    context.Context
	stream *stream
}

func (b *body) Read(into []byte) (int, error) { return b.stream.receive(b.ctx, into) }

type bodyWriter struct {
	ctx    context.Context
	stream *stream
}

func (w *bodyWriter) Write(data []byte) (int, error) {
	for start := 0; start < len(data); start += wire.MaxChunk {
		end := start + wire.MaxChunk
		if end > len(data) {
			end = len(data)
		}
		if err := w.stream.send(w.ctx, wire.Data, nil, data[start:end]); err != nil {
			return start, err
		}
	}
	return len(data), nil
}
