// Package pid1 is the sandbox's first process. It has a uid of its own, so that nothing that the
// sandbox's user starts can signal it.
package pid1

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

const prSetDumpable = 4

// Run waits until the engine says to stop. Nothing else wakes it: because it ignores SIGCHLD the
// kernel itself reaps what falls to it, also while the sandbox has used up its share of the processor.
func Run() {
	// What is made here stays, and is too little to collect.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	// Nobody reads the memory of this process through /proc, whatever uid it shares.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
	signal.Ignore()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	for standard := 0; standard <= 2; standard++ {
		_ = syscall.Close(standard)
	}
	<-stop
}
