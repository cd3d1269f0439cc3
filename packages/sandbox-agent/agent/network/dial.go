package network

import (
	"context"
	"syscall"
	"time"

	"carrel-agent/nonblocking"
	"carrel-agent/wire"
)

const connectTime = 5 * time.Second

func dialLoopback(ctx context.Context, port int) (*nonblocking.File, error) {
	addresses := []syscall.Sockaddr{
		&syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}},
		&syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}},
	}
	families := []int{syscall.AF_INET, syscall.AF_INET6}
	deadline := time.Now().Add(connectTime)
	var reason error
	for index, address := range addresses {
		server, err := dial(families[index], address)
		if err == nil {
			if err = connected(ctx, server, deadline); err == nil {
				return server, nil
			}
			server.Close()
		}
		if ctx.Err() != nil {
			return nil, aborted()
		}
		if reason == nil {
			reason = err
		}
	}
	return nil, wire.Errorf(wire.Unavailable, "nothing answers on port %d in the sandbox: %v", port, reason)
}

// dial begins to connect.
func dial(family int, address syscall.Sockaddr) (*nonblocking.File, error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// What a client sends goes on at once, however little it is.
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	err = syscall.Connect(fd, address)
	if err != nil && err != syscall.EINPROGRESS {
		_ = syscall.Close(fd)
		return nil, err
	}
	return nonblocking.New(fd, "connection"), nil
}

// connected waits until it is known what became of a connection. It holds no thread meanwhile.
func connected(ctx context.Context, server *nonblocking.File, deadline time.Time) error {
	defer closeWith(ctx, server)()
	if err := server.SetWriteDeadline(deadline); err != nil {
		return err
	}
	var failed error
	err := server.WhenWritable(func(fd uintptr) bool {
		var done bool
		done, failed = connectOutcome(int(fd))
		return done
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = server.SetWriteDeadline(time.Time{})
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
	peer, err := syscall.Getpeername(fd)
	if err == syscall.ENOTCONN {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	own, err := syscall.Getsockname(fd)
	if err == nil && portOf(own) == portOf(peer) {
		// Where nothing listens on a port that the kernel may choose for the near end, it can choose
		// that one, and the connection has itself at its other end.
		err = syscall.ECONNREFUSED
	}
	return true, err
}

func portOf(address syscall.Sockaddr) int {
	switch address := address.(type) {
	case *syscall.SockaddrInet4:
		return address.Port
	case *syscall.SockaddrInet6:
		return address.Port
	}
	return 0
}
