package daemon

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"carrel-agent/children"
)

const (
	leftoverTime  = 2 * time.Second
	leftoverPause = 5 * time.Millisecond
	environStart  = 4096
)

// endLeftovers kills the processes of a daemon that was killed: nobody can tell of them any more.
// They are known by their mark, which stands first in what they were started with. Where they fork
// faster than they are found, everything of this user goes.
//
// Neither this nor what it calls may use the runtime's poller, as timers and package os do: the
// leftovers may have used up what the kernel lets this user watch, and then the poller cannot start.
func endLeftovers() {
	for deadline := time.Now().Add(leftoverTime); time.Now().Before(deadline); pause(leftoverPause) {
		left := leftovers()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	endEverything()
}

// endEverything kills all that this user may signal, other than this program.
func endEverything() { _ = syscall.Kill(-1, syscall.SIGKILL) }

// pause is time.Sleep without the poller. It holds a thread.
func pause(duration time.Duration) {
	rest := syscall.NsecToTimespec(duration.Nanoseconds())
	// A signal shortens it, which does no harm to those who look again anyway.
	_ = syscall.Nanosleep(&rest, nil)
}

func leftovers() []int {
	// If /proc cannot be read, nothing is found in it.
	processes, _ := children.Processes()
	var left []int
	for _, pid := range processes {
		if pid != os.Getpid() && isMarked(pid) {
			left = append(left, pid)
		}
	}
	return left
}

func isMarked(pid int) bool {
	file, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/environ", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(file)
	buffer := make([]byte, environStart)
	count, err := syscall.Read(file, buffer)
	if err != nil {
		return false
	}
	mark := []byte(children.MarkName + "=")
	for _, variable := range bytes.Split(buffer[:count], []byte{0}) {
		if bytes.HasPrefix(variable, mark) {
			return true
		}
	}
	return false
}
