// Package pid1 is the sandbox's first process. It has a uid of its own, so that nothing that the
// sandbox's user starts can signal it, and does nothing but reap what others left.
package pid1

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

const prSetDumpable = 4

// Run reaps until the engine says to stop.
func Run() {
	runtime.GOMAXPROCS(1)
	// Nobody reads the memory of this process through /proc, whatever uid it shares.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
	signals := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	reap()
	debug.FreeOSMemory()
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
