package daemon

import (
	"fmt"
	"syscall"
	"time"

	"carrel-agent/nonblocking"
)

// freedTime is how long the kernel may take to end what was killed and to free what that watched.
const freedTime = 5 * time.Second

// startPoller starts the runtime's poller, or tells why it cannot start: the runtime itself would end
// the program. The kernel counts what epoll watches by user; if this daemon has the user to itself,
// it ends what has used that up. Once the poller runs, package nonblocking does without more watches.
func startPoller(listener int, ownsSandbox bool) (*nonblocking.File, error) {
	err := tryPoller()
	if err != nil && ownsSandbox {
		endEverything()
		for deadline := time.Now().Add(freedTime); err != nil && time.Now().Before(deadline); err = tryPoller() {
			pause(leftoverPause)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the agent cannot start, because the kernel lets this user watch no more descriptors (fs.epoll.max_user_watches): %v", err)
	}
	nonblocking.Prepare()
	return nonblocking.New(listener, "listener"), nil
}

// tryPoller does what the runtime does when its poller starts.
func tryPoller() error {
	poller, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer syscall.Close(poller)
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return err
	}
	defer syscall.Close(ends[0])
	defer syscall.Close(ends[1])
	event := syscall.EpollEvent{Events: syscall.EPOLLIN}
	return syscall.EpollCtl(poller, syscall.EPOLL_CTL_ADD, ends[0], &event)
}
