// Package daemon is the agent's running program: the first client's connection becomes the daemon of
// the sandbox, later ones are passed on to it.
package daemon

import (
	"fmt"
	"syscall"
	"time"
)

const (
	// bindTime is how long a client looks for a daemon, or for being it, while others come and go.
	bindTime  = 5 * time.Second
	bindPause = 5 * time.Millisecond
)

// Options of a connection to a sandbox's daemon.
type Options struct {
	// Socket is the name by which the daemon is found.
	Socket string
	// WorkDir is where the client's relative paths begin. It need not be there.
	WorkDir string
	Version string
	// OwnsSandbox says that all processes of this user belong to the daemon, so that it may end
	// those that nobody else can.
	OwnsSandbox bool
}

// Connect serves or relays the client on standard input and output. As the daemon it returns only
// when it cannot go on.
func Connect(options Options) error {
	// Processes of the same user neither trace this one nor read its memory, its environment and what
	// it has open: the relay of a client from outside of the sandbox is not to be taken over.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return errno
	}
	deadline := time.Now().Add(bindTime)
	for {
		listener, err := listen(options.Socket)
		if err == nil {
			return serve(listener, options)
		}
		if err != syscall.EADDRINUSE {
			return fmt.Errorf("the socket @%s cannot be bound: %v", options.Socket, err)
		}
		fd, err := dial(options.Socket)
		if err == nil {
			wake(fd)
			return relay(fd)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the daemon at the socket @%s cannot be reached: %v", options.Socket, err)
		}
		pause(bindPause)
	}
}
