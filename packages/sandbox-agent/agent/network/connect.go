// Package network connects clients with servers that listen on the sandbox's loopback.
package network

import (
	"context"
	"io"
	"syscall"

	"carrel-agent/nonblocking"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// bufferSize is what each direction of a connection passes through.
const bufferSize = 32 * 1024

// Methods are those of connections.
func Methods() map[string]rpc.Handler { return map[string]rpc.Handler{"connect": connect} }

func connect(ctx context.Context, call *rpc.Call) (any, error) {
	var params struct {
		Port int `json:"port"`
	}
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if params.Port < 1 || params.Port > 65535 {
		return nil, wire.Errorf(wire.InvalidArgument, "%d is no port: it must be 1 to 65535", params.Port)
	}
	if err := call.Work().Take(2 * bufferSize); err != nil {
		return nil, err
	}
	server, err := dialLoopback(ctx, params.Port)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	defer closeWith(ctx, server)()
	if err := call.Event(ctx, struct{}{}); err != nil {
		return nil, err
	}
	return struct{}{}, exchange(ctx, call, server)
}

// closeWith closes a connection once its call is given up, until it is released.
func closeWith(ctx context.Context, connection *nonblocking.File) (release func()) {
	released := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			connection.Close()
		case <-released:
		}
	}()
	return func() { close(released) }
}

func aborted() error { return wire.Errorf(wire.Aborted, "the connection was given up") }

// exchange passes bytes both ways until the server has closed its side.
func exchange(ctx context.Context, call *rpc.Call, server *nonblocking.File) error {
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{server}, call.Body(ctx), make([]byte, bufferSize))
		if err == nil {
			shutdownWriting(server)
		}
	}()
	_, err := io.CopyBuffer(call.Writer(ctx), struct{ io.Reader }{server}, make([]byte, bufferSize))
	if ctx.Err() != nil {
		return aborted()
	}
	if err != nil {
		return wire.Errorf(wire.Unavailable, "the connection broke: %v", err)
	}
	return nil
}

func shutdownWriting(server *nonblocking.File) {
	// It fails where the connection is over already.
	_ = server.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}
