package process

import (
	"bytes"
	"strconv"
	"syscall"
)

// memoryKills counts the processes of the sandbox that the kernel ended because its memory was used up.
type memoryKills struct{ descriptor int }

func newMemoryKills() *memoryKills {
	for _, path := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		if descriptor, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
			return &memoryKills{descriptor}
		}
	}
	return &memoryKills{-1}
}

// count is 0 where the kernel does not tell.
func (m *memoryKills) count() int {
	var buffer [512]byte
	size, err := syscall.Pread(m.descriptor, buffer[:], 0)
	if err != nil {
		return 0
	}
	for _, line := range bytes.Split(buffer[:size], []byte("\n")) {
		if name, value, ok := bytes.Cut(line, []byte(" ")); ok && string(name) == "oom_kill" {
			count, _ := strconv.Atoi(string(value))
			return count
		}
	}
	return 0
}
