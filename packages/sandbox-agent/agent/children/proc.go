package children

import (
	"bytes"
	"strconv"
	"syscall"
)

const (
	statSize = 1024
	// Where a process puts more in front of its mark, it is still found by its session and its parent.
	environmentSize = 256 * 1024
	directoryBuffer = 32 * 1024
)

// proc is what /proc/PID/stat tells of a process.
type proc struct {
	pid, parent, group, session int
	state                       byte
	start                       uint64
}

func (p proc) isDead() bool    { return p.state == 'Z' || p.state == 'X' }
func (p proc) isStopped() bool { return p.state == 'T' || p.state == 't' }

// isRunning: one that waits in the kernel (for the program that it made with vfork, say) is not
// stopped, and does nothing either.
func (p proc) isRunning() bool { return p.state == 'R' || p.state == 'S' }

// procReader reads /proc with one buffer. It goes past package os, which would offer each file to
// the poller.
type procReader struct {
	buffer []byte
	// refused tells that something was not read although it may be there: the kernel had no
	// descriptor or no memory for it.
	refused bool
}

func newProcReader(size int) *procReader { return &procReader{buffer: make([]byte, size)} }

// file gives the start of a file, as much as fits; valid until the next read.
func (r *procReader) file(pid int, name string) ([]byte, error) {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/"+name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		r.refused = r.refused || isRefusal(err)
		return nil, err
	}
	defer syscall.Close(fd)
	size := 0
	for size < len(r.buffer) {
		count, err := syscall.Read(fd, r.buffer[size:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if count == 0 {
			break
		}
		size += count
	}
	return r.buffer[:size], nil
}

func (r *procReader) stat(pid int) (proc, bool) {
	text, err := r.file(pid, "stat")
	if err != nil {
		return proc{}, false
	}
	return parseStat(pid, text)
}

// parseStat reads the fields after the program's name, which may contain anything.
func parseStat(pid int, text []byte) (proc, bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return proc{}, false
	}
	fields := bytes.Fields(text[end+1:])
	const state, parent, group, session, start = 0, 1, 2, 3, 19
	if len(fields) <= start {
		return proc{}, false
	}
	number := func(index int) uint64 {
		value, _ := strconv.ParseUint(string(fields[index]), 10, 64)
		return value
	}
	return proc{
		pid:     pid,
		parent:  int(number(parent)),
		group:   int(number(group)),
		session: int(number(session)),
		state:   fields[state][0],
		start:   number(start),
	}, true
}

// IsFromOutside tells whether a process was started from outside of this process namespace, as an
// engine does that starts a program in a container: it has no parent in here. What programs in here
// start has one, at the least the one that orphans fall to.
func IsFromOutside(pid int) bool {
	found, ok := newProcReader(statSize).stat(pid)
	return ok && found.parent == 0 && pid != 1
}

func isRefusal(err error) bool {
	return err == syscall.EMFILE || err == syscall.ENFILE || err == syscall.ENOMEM
}

// Processes lists the processes there are, the newest first as far as numbers tell: what forks fast is
// reached while it is still there. It goes past package os like procReader.
func Processes() ([]int, error) {
	directory, err := syscall.Open("/proc", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(directory)
	var names []string
	buffer := make([]byte, directoryBuffer)
	for {
		size, err := syscall.ReadDirent(directory, buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if size <= 0 {
			break
		}
		_, _, names = syscall.ParseDirent(buffer[:size], -1, names)
	}
	result := make([]int, 0, len(names))
	for index := len(names) - 1; index >= 0; index-- {
		if pid, err := strconv.Atoi(names[index]); err == nil {
			result = append(result, pid)
		}
	}
	return result, nil
}

// adjustOOMScore is a preference: where it may not be written the kernel chooses by itself.
func (r *procReader) adjustOOMScore(pid int) {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = syscall.Write(fd, []byte(oomScoreAdjust))
	_ = syscall.Close(fd)
}
