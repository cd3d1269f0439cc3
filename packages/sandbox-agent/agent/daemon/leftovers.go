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
func endLeftovers() {
	for deadline := time.Now().Add(leftoverTime); time.Now().Before(deadline); time.Sleep(leftoverPause) {
		left := leftovers()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
}

func leftovers() []int {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer directory.Close()
	names, _ := directory.Readdirnames(-1)
	var left []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && pid != os.Getpid() && isMarked(name) {
			left = append(left, pid)
		}
	}
	return left
}

func isMarked(name string) bool {
	file, err := os.Open("/proc/" + name + "/environ")
	if err != nil {
		return false
	}
	defer file.Close()
	buffer := make([]byte, environStart)
	count, err := file.Read(buffer)
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
