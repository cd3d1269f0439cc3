// Package network connects clients with servers that listen on the sandbox's loopback.
package network

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	connectTime = 5 * time.Second
	bufferSize  = 64 * 1024
)

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
	server, err := dialLoopback(params.Port)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	if err := call.Event(ctx, struct{}{}); err != nil {
		return nil, err
	}
	return struct{}{}, exchange(ctx, call, server)
}

func dialLoopback(port int) (*os.File, error) {
	addresses := []syscall.Sockaddr{
		&syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}},
		&syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}},
	}
	families := []int{syscall.AF_INET, syscall.AF_INET6}
	var reason error
	for index, address := range addresses {
		file, err := dial(families[index], address)
		if err == nil {
			return file, nil
		}
		if reason == nil {
			reason = err
		}
	}
	return nil, wire.Errorf(wire.Unavailable, "nothing answers on port %d in the sandbox: %v", port, reason)
}

// dial connects through the poller: who waits holds no thread.
func dial(family int, address syscall.Sockaddr) (*os.File, error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	err = syscall.Connect(fd, address)
	if err != nil && err != syscall.EINPROGRESS {
		_ = syscall.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "connection")
	if err == syscall.EINPROGRESS {
		err = connected(file)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// connected waits until it is known what became of a connection.
func connected(file *os.File) error {
	if err := file.SetWriteDeadline(time.Now().Add(connectTime)); err != nil {
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		var done bool
		done, failed = connectOutcome(int(fd))
		return done
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = file.SetWriteDeadline(time.Time{})
	}
	return err
}

// connectOutcome looks, and does not wait: the poller tells only of what changes from then on.
func connectOutcome(fd int) (done bool, err error) {
	code, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err != nil {
		return true, err
	}
	if code != 0 {
		return true, syscall.Errno(code)
	}
	_, err = syscall.Getpeername(fd)
	return err != syscall.ENOTCONN, nil
}

// exchange passes bytes both ways until the server has closed its side.
func exchange(ctx context.Context, call *rpc.Call, server *os.File) error {
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ctx.Done():
			server.Close()
		case <-ended:
		}
	}()
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{server}, call.Body(ctx), make([]byte, bufferSize))
		if err == nil {
			shutdownWriting(server)
		}
	}()
	_, err := io.CopyBuffer(call.Writer(ctx), struct{ io.Reader }{server}, make([]byte, bufferSize))
	if ctx.Err() != nil {
		return wire.Errorf(wire.Aborted, "the connection was given up")
	}
	if err != nil {
		return wire.Errorf(wire.Unavailable, "the connection broke: %v", err)
	}
	return nil
}

func shutdownWriting(server *os.File) {
	raw, err := server.SyscallConn()
	if err != nil {
		return
	}
	// It fails where the connection is over already.
	_ = raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}
