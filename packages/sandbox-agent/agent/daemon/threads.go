package daemon

import (
	"runtime"
	"sync"

	"carrel-agent/rpc"
)

// spareThreads are for what runs beside the calls that may block, and takes turns at that: starting a
// process, looking through /proc, collecting what ended, waiting for what the runtime's poller does not
// take, and the runtime's own work. Under full load five of them are in use.
const spareThreads = 9

// makeThreads makes the threads that the daemon will need while it still can. Where the user's
// programs have used up the sandbox's limit of processes, the runtime ends a program that needs one
// more. It never gives one back.
func makeThreads() {
	var made sync.WaitGroup
	release := make(chan struct{})
	for count := 0; count < rpc.BlockingCalls+spareThreads; count++ {
		made.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			made.Done()
			<-release
		}()
	}
	made.Wait()
	close(release)
}
