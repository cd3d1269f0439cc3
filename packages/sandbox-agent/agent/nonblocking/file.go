// Package nonblocking has descriptors that are waited for without a thread. Usually the runtime's own
// poller, which is epoll, does the waiting. The kernel counts what epoll watches by user, and when
// that limit is reached the runtime takes no more descriptors: those are waited for with ppoll, which
// has no such limit, by one goroutine for all of them.
package nonblocking

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// File is a descriptor that does not block. One reader and one writer at a time; Close and the
// deadlines may be set beside them, and end or bound their waiting.
type File struct {
	file *os.File
	raw  syscall.RawConn
	// polled tells that the runtime's poller has the descriptor.
	polled bool
	read   side
	write  side
}

// side is one direction of a descriptor that the runtime's poller does not have.
type side struct {
	mu       sync.Mutex
	closed   bool
	deadline time.Time
	changed  chan struct{} // closed when the deadline changes, and at the end; nil when nobody waits
}

// refuse makes New go without the runtime's poller, for tests.
var refuse bool

// New takes a descriptor over that was set to O_NONBLOCK.
func New(descriptor int, name string) *File {
	file := os.NewFile(uintptr(descriptor), name)
	// It fails only if there is no file.
	raw, _ := file.SyscallConn()
	// The runtime does not tell that it could not register a descriptor, but such a file takes no
	// deadline.
	polled := !errors.Is(file.SetDeadline(time.Time{}), os.ErrNoDeadline)
	return &File{file: file, raw: raw, polled: polled && !refuse}
}

// Control calls with the descriptor, which stays open meanwhile.
func (f *File) Control(call func(descriptor uintptr)) error { return f.raw.Control(call) }

// WhenReadable calls until it is done, each time once there may be something to read.
func (f *File) WhenReadable(call func(descriptor uintptr) (done bool)) error {
	if f.polled {
		return f.raw.Read(call)
	}
	return f.repeat(&f.read, pollIn, call)
}

// WhenWritable calls until it is done, each time once something may be written.
func (f *File) WhenWritable(call func(descriptor uintptr) (done bool)) error {
	if f.polled {
		return f.raw.Write(call)
	}
	return f.repeat(&f.write, pollOut, call)
}

func (f *File) repeat(s *side, events int16, call func(descriptor uintptr) bool) error {
	for {
		done, number := false, -1
		changed, err := s.await()
		if err != nil {
			return err
		}
		err = f.raw.Control(func(descriptor uintptr) {
			done, number = call(descriptor), int(descriptor)
		})
		if err != nil || done {
			return err
		}
		s.wait(number, events, changed)
	}
}

// await gives what is closed when the waiting that comes next is to end.
func (s *side) await() (changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, os.ErrClosed
	case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
		return nil, os.ErrDeadlineExceeded
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed, nil
}

func (s *side) wait(descriptor int, events int16, changed <-chan struct{}) {
	s.mu.Lock()
	deadline := s.deadline
	s.mu.Unlock()
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	waiter := fallback.add(descriptor, events)
	defer fallback.remove(waiter)
	select {
	case <-waiter.ready:
	case <-changed:
	case <-late:
	}
}

func (s *side) set(deadline time.Time, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline, s.closed = deadline, s.closed || closed
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Read is io.Reader.
func (f *File) Read(into []byte) (count int, err error) {
	if f.polled {
		return f.file.Read(into)
	}
	if len(into) == 0 {
		return 0, nil
	}
	waitErr := f.WhenReadable(func(descriptor uintptr) bool {
		count, err = retried(syscall.Read, descriptor, into)
		return err != syscall.EAGAIN
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case count == 0:
		return 0, io.EOF
	}
	return count, nil
}

// Write is io.Writer.
func (f *File) Write(data []byte) (written int, err error) {
	if f.polled {
		return f.file.Write(data)
	}
	for written < len(data) {
		count := 0
		waitErr := f.WhenWritable(func(descriptor uintptr) bool {
			count, err = retried(syscall.Write, descriptor, data[written:])
			return err != syscall.EAGAIN
		})
		if waitErr != nil {
			return written, waitErr
		}
		if err != nil {
			return written, os.NewSyscallError("write", err)
		}
		written += count
	}
	return written, nil
}

func retried(call func(int, []byte) (int, error), descriptor uintptr, data []byte) (count int, err error) {
	for {
		if count, err = call(int(descriptor), data); err != syscall.EINTR {
			return count, err
		}
	}
}

// SetReadDeadline ends reading, and waiting to read, at a time; a zero time is none.
func (f *File) SetReadDeadline(when time.Time) error {
	if f.polled {
		return f.file.SetReadDeadline(when)
	}
	f.read.set(when, false)
	return nil
}

// SetWriteDeadline ends writing, and waiting to write, at a time; a zero time is none.
func (f *File) SetWriteDeadline(when time.Time) error {
	if f.polled {
		return f.file.SetWriteDeadline(when)
	}
	f.write.set(when, false)
	return nil
}

// Close ends all waiting, and gives the descriptor back.
func (f *File) Close() error {
	f.read.set(time.Time{}, true)
	f.write.set(time.Time{}, true)
	return f.file.Close()
}
