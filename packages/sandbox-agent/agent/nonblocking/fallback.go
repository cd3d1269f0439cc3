package nonblocking

import (
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	pollIn  = 0x1
	pollOut = 0x4
	// lookAgainTime is how soon all descriptors are tried again if not even a pipe could be had to
	// wake the goroutine that waits.
	lookAgainTime = 20 * time.Millisecond
)

// pollFD is the kernel's struct pollfd.
type pollFD struct {
	descriptor int32
	events     int16
	returned   int16
}

type waiter struct {
	descriptor int
	events     int16
	ready      chan struct{} // closed once something can be done, or has to be looked at
}

// waiting is all that is waited for with ppoll. Its goroutine, and with it a thread, is there only
// while somebody waits.
type waiting struct {
	mu      sync.Mutex
	waiters map[*waiter]struct{}
	running bool
	woken   bool   // a byte is in the pipe
	wake    [2]int // a pipe, the reading end first; zero: none yet
}

var fallback = &waiting{waiters: map[*waiter]struct{}{}}

// Prepare takes the descriptors that waiting with ppoll needs, while they can be had.
func Prepare() {
	fallback.mu.Lock()
	defer fallback.mu.Unlock()
	fallback.prepare()
}

func (w *waiting) prepare() {
	if w.wake[1] != 0 {
		return
	}
	var ends [2]int
	// Without it waiters are looked after every lookAgainTime.
	if syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK) == nil {
		w.wake = ends
	}
}

func (w *waiting) add(descriptor int, events int16) *waiter {
	added := &waiter{descriptor: descriptor, events: events, ready: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prepare()
	w.waiters[added] = struct{}{}
	if !w.running {
		w.running = true
		go w.run()
		return added
	}
	w.interrupt()
	return added
}

func (w *waiting) remove(removed *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.waiters[removed]; ok {
		delete(w.waiters, removed)
		// The descriptor may be closed and another one by the next look.
		w.interrupt()
	}
}

// interrupt has the goroutine look at what is waited for by now.
func (w *waiting) interrupt() {
	if !w.woken && w.wake[1] != 0 {
		w.woken = true
		// It has room: there is never more than one byte in it.
		_, _ = syscall.Write(w.wake[1], []byte{0})
	}
}

func (w *waiting) run() {
	var polled []pollFD
	var waiters []*waiter
	for {
		w.mu.Lock()
		if len(w.waiters) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		polled, waiters = polled[:0], waiters[:0]
		for waiter := range w.waiters {
			polled = append(polled, pollFD{descriptor: int32(waiter.descriptor), events: waiter.events})
			waiters = append(waiters, waiter)
		}
		wakeable := w.wake[1] != 0
		if wakeable {
			polled = append(polled, pollFD{descriptor: int32(w.wake[0]), events: pollIn})
		}
		w.mu.Unlock()
		limit := time.Duration(-1)
		if !wakeable {
			limit = lookAgainTime
		}
		if errno := ppoll(polled, limit); errno != 0 && errno != syscall.EINTR {
			// The kernel lacks memory. All who wait try by themselves, and not at once.
			time.Sleep(lookAgainTime)
			w.release(waiters, nil)
			continue
		}
		w.release(waiters, polled)
	}
}

// release ends the waiting for what is ready, or all waiting.
func (w *waiting) release(waiters []*waiter, polled []pollFD) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for index, waiter := range waiters {
		if polled != nil && polled[index].returned == 0 {
			continue
		}
		if _, ok := w.waiters[waiter]; ok {
			delete(w.waiters, waiter)
			close(waiter.ready)
		}
	}
	if w.woken {
		var drained [8]byte
		_, _ = syscall.Read(w.wake[0], drained[:])
		w.woken = false
	}
}

// Wanted is one thing that Wait waits for.
type Wanted struct {
	// Descriptor is what to look at; nothing is waited for if it is negative.
	Descriptor int
	// Writable waits until it can be written to, instead of until it can be read.
	Writable bool
}

// Wait waits until one of the wanted things can be done, or for at most a time unless that is
// negative. It holds a thread, and nothing of the runtime's poller.
func Wait(limit time.Duration, wanted ...Wanted) error {
	polled := make([]pollFD, len(wanted))
	for index, one := range wanted {
		polled[index] = pollFD{descriptor: int32(one.Descriptor), events: pollIn}
		if one.Writable {
			polled[index].events = pollOut
		}
	}
	if errno := ppoll(polled, limit); errno != 0 && errno != syscall.EINTR {
		return errno
	}
	return nil
}

// ppoll waits for at most a time, or without end if that is negative.
func ppoll(polled []pollFD, limit time.Duration) syscall.Errno {
	var timeout *syscall.Timespec
	if limit >= 0 {
		given := syscall.NsecToTimespec(limit.Nanoseconds())
		timeout = &given
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&polled[0])), uintptr(len(polled)),
		uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	return errno
}
