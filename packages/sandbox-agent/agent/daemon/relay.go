package daemon

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"carrel-agent/nonblocking"
)

const (
	relayBuffer = 64 * 1024
	// partTime is how long the daemon has for its last words to a client that left.
	partTime = 2 * time.Second
)

// relay passes bytes between standard input and output and the daemon, until either ends the
// connection. Why it ended both know better.
//
// It waits with ppoll and uses neither timers nor package os: a sandbox that has used up what the
// kernel lets its user watch with epoll, which the runtime's poller needs, can still be reached.
func relay(daemon int) error {
	runtime.GOMAXPROCS(1)
	// What is made here stays. Collecting it would start a timer, and with it the poller.
	debug.SetGCPercent(-1)
	for _, descriptor := range []int{0, 1, daemon} {
		if err := syscall.SetNonblock(descriptor, true); err != nil {
			return err
		}
	}
	up := &copying{from: 0, to: daemon, buffer: make([]byte, relayBuffer)}
	down := &copying{from: daemon, to: 1, buffer: make([]byte, relayBuffer)}
	var parting time.Time
	for !down.over {
		if up.over && parting.IsZero() {
			_ = syscall.Shutdown(daemon, syscall.SHUT_WR)
			parting = time.Now().Add(partTime)
		}
		limit := time.Duration(-1)
		if !parting.IsZero() {
			if limit = time.Until(parting); limit <= 0 {
				return nil
			}
		}
		up.waits = up.step()
		down.waits = down.step()
		if down.over || up.over && parting.IsZero() {
			continue
		}
		if err := nonblocking.Wait(limit, up.waits, down.waits); err != nil {
			return err
		}
	}
	return nil
}

// copying is one direction of a relay.
type copying struct {
	from, to   int
	buffer     []byte
	start, end int // of what was read and not written yet
	over       bool
	waits      nonblocking.Wanted
}

// step passes on what can be passed on at once, and tells what has to be waited for.
func (c *copying) step() nonblocking.Wanted {
	for !c.over {
		if c.start == c.end {
			count, err := syscall.Read(c.from, c.buffer)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return nonblocking.Wanted{Descriptor: c.from}
			case err != nil || count == 0:
				c.over = true
				return nonblocking.Wanted{Descriptor: -1}
			}
			c.start, c.end = 0, count
		}
		count, err := syscall.Write(c.to, c.buffer[c.start:c.end])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return nonblocking.Wanted{Descriptor: c.to, Writable: true}
		case err != nil:
			c.over = true
			return nonblocking.Wanted{Descriptor: -1}
		}
		c.start += count
	}
	return nonblocking.Wanted{Descriptor: -1}
}
