package files

import (
	"encoding/binary"
	"syscall"
	"time"

	"carrel-agent/nonblocking"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	watchedChanges = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_MODIFY | syscall.IN_ATTRIB |
		syscall.IN_DELETE | syscall.IN_MOVED_FROM | syscall.IN_ONLYDIR | syscall.IN_EXCL_UNLINK
	// watchedEnd is told of a directory itself and not of what is in it.
	watchedEnd = syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF
)

// watchCost is what a watched directory costs beside its path: its place in a map that grows by doubling.
const watchCost = 96

// inotify is the kernel's telling of changes in directories, one by one: it knows nothing of trees.
type inotify struct {
	file   *nonblocking.File
	paths  map[int32]string // by the kernel's numbers
	work   *rpc.Work        // counts what the paths cost
	buffer [32 * 1024]byte
}

type change struct {
	number int32
	mask   uint32
	name   string
}

func newInotify(work *rpc.Work) (*inotify, error) {
	descriptor, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err == syscall.EMFILE {
		return nil, wire.Errorf(wire.Unavailable, "the kernel allows no more watches here: the limit of inotify instances by user, or of open files, is reached; end another watch")
	}
	if err != nil {
		return nil, err
	}
	file := nonblocking.New(descriptor, "inotify")
	return &inotify{file: file, paths: map[int32]string{}, work: work}, nil
}

// add watches a directory. One that is watched already stays so, under its new path.
func (n *inotify) add(path string, mask uint32) error {
	if err := n.work.Take(len(path) + watchCost); err != nil {
		return err
	}
	number, err := n.control(func(descriptor int) (int, error) {
		return syscall.InotifyAddWatch(descriptor, path, mask)
	})
	if err != nil {
		n.work.Give(len(path) + watchCost)
	}
	if err == syscall.ENOSPC || err == syscall.ENOMEM {
		return wire.Errorf(wire.Unavailable, "cannot watch %s: the kernel's limit of inotify watches by user, or of memory, is reached; watch a smaller tree, or end another watch", Show(path))
	}
	if err != nil {
		return err
	}
	n.forget(int32(number)) // under its old path
	n.paths[int32(number)] = path
	return nil
}

// forget drops the path of a watch that has ended.
func (n *inotify) forget(number int32) {
	if path, ok := n.paths[number]; ok {
		n.work.Give(len(path) + watchCost)
		delete(n.paths, number)
	}
}

func (n *inotify) remove(number int32) {
	n.forget(number)
	// Where this fails the kernel has ended the watch itself.
	_, _ = n.control(func(descriptor int) (int, error) {
		return syscall.InotifyRmWatch(descriptor, uint32(number))
	})
}

// control calls the kernel with the descriptor, which os.File.Fd would make blocking.
func (n *inotify) control(call func(descriptor int) (int, error)) (result int, err error) {
	if controlErr := n.file.Control(func(descriptor uintptr) { result, err = call(int(descriptor)) }); controlErr != nil {
		return 0, controlErr
	}
	return result, err
}

// read waits for changes until a time, which may be none.
func (n *inotify) read(until time.Time) ([]change, error) {
	if err := n.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	size, err := n.file.Read(n.buffer[:])
	if err != nil {
		return nil, err
	}
	return parseChanges(n.buffer[:size]), nil
}

func parseChanges(data []byte) (changes []change) {
	var order binary.ByteOrder = binary.LittleEndian // amd64 and arm64 both
	for len(data) >= syscall.SizeofInotifyEvent {
		end := syscall.SizeofInotifyEvent + int(order.Uint32(data[12:]))
		if end > len(data) {
			break
		}
		name := data[syscall.SizeofInotifyEvent:end]
		for len(name) > 0 && name[len(name)-1] == 0 {
			name = name[:len(name)-1]
		}
		changes = append(changes, change{int32(order.Uint32(data)), order.Uint32(data[4:]), string(name)})
		data = data[end:]
	}
	return changes
}

func (n *inotify) close() { _ = n.file.Close() }
