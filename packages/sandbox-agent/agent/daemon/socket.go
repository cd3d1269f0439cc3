package daemon

import (
	"os"
	"syscall"

	"carrel-agent/nonblocking"
)

// backlog is how many connections may wait for the daemon to take them, which it does at once.
const backlog = 128

// abstract is a socket without a file: only processes of the sandbox's own network namespace see it,
// and it is gone with whoever bound it.
func abstract(name string) *syscall.SockaddrUnix { return &syscall.SockaddrUnix{Name: "@" + name} }

func newSocket() (int, error) {
	return syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
}

// listen binds the name; syscall.EADDRINUSE where a daemon has it.
func listen(name string) (int, error) {
	fd, err := newSocket()
	if err != nil {
		return -1, err
	}
	if err = syscall.Bind(fd, abstract(name)); err == nil {
		err = syscall.Listen(fd, backlog)
	}
	if err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// dial reaches the daemon that listens; syscall.ECONNREFUSED where none does.
func dial(name string) (int, error) {
	fd, err := newSocket()
	if err != nil {
		return -1, err
	}
	if err := syscall.Connect(fd, abstract(name)); err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// wake lets the daemon at the other end go on, where somebody in the sandbox has stopped it. It does
// nothing to one that runs.
func wake(fd int) {
	daemon, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err == nil && int(daemon.Uid) == os.Getuid() && daemon.Pid > 0 {
		_ = syscall.Kill(int(daemon.Pid), syscall.SIGCONT)
	}
}

// accept waits for the next connection from a process of this user, and tells which one it is.
func accept(listener *nonblocking.File) (fd, pid int, err error) {
	for {
		fd, failed := -1, error(nil)
		err := listener.WhenReadable(func(listening uintptr) bool {
			fd, _, failed = syscall.Accept4(int(listening), syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK)
			return failed != syscall.EAGAIN
		})
		if err != nil {
			return -1, 0, err
		}
		if failed != nil {
			return -1, 0, failed
		}
		peer, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil && int(peer.Uid) == os.Getuid() {
			return fd, int(peer.Pid), nil
		}
		_ = syscall.Close(fd)
	}
}
