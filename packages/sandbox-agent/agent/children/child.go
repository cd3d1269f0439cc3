package children

import (
	"syscall"
	"time"
)

// Child is one program that was started.
type Child struct {
	reaper  *Reaper
	pid     int
	mark    string
	start   uint64 // as /proc tells it, 0 where it does not
	started time.Time

	// Set before exited is closed.
	status   syscall.WaitStatus
	lifetime time.Duration
	exited   chan struct{}
}

func (c *Child) end(status syscall.WaitStatus) {
	c.status, c.lifetime = status, time.Since(c.started)
	close(c.exited)
}

// StartedAt is when it was started.
func (c *Child) StartedAt() time.Time { return c.started }

// Exited is closed once the program itself has ended. What it left may run on.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Status is how it ended and how long it ran. Only once Exited is closed.
func (c *Child) Status() (syscall.WaitStatus, time.Duration) { return c.status, c.lifetime }

// HasExited tells whether it has ended by now, whether or not the kernel's notice came already.
func (c *Child) HasExited() bool {
	if c.isReaped() {
		return true
	}
	c.reaper.reap()
	return c.isReaped()
}

func (c *Child) isReaped() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// Signal sends to the program's process group. One that ended gets none.
func (c *Child) Signal(signal syscall.Signal) {
	// Nothing is reaped meanwhile: the number stays that of this child.
	c.reaper.forks.RLock()
	defer c.reaper.forks.RUnlock()
	if c.reaper.isKnown(c.pid) {
		// A group that is gone already is as good as one that was told.
		_ = syscall.Kill(-c.pid, signal)
	}
}
