package children

import (
	"syscall"
	"time"
)

const (
	graceTime = 200 * time.Millisecond
	killTime  = 5 * time.Second
	// How soon to look again where no notice of an end comes.
	lookAgainTime = 5 * time.Millisecond
	// So many looks in a row must find nothing: a list of /proc is not made in one step.
	quietLooks = 2
)

// Kill ends the child and all that descends from it, also where the child itself has ended before. Its process group is asked with a signal first
// and given a short grace; then everything is stopped, so that nothing forks any more, and killed. It
// returns when none is left, or after seconds in which that could not be had.
func (c *Child) Kill(asking syscall.Signal) {
	c.Signal(asking)
	c.Signal(syscall.SIGCONT)
	c.awaitGroup()
	f := newFamily(c)
	defer f.release()
	deadline := time.Now().Add(killTime)
	for quiet := 0; quiet < quietLooks; {
		reaped := c.reaper.nextReaped()
		look := f.stop()
		switch {
		case look.isEmpty():
			quiet++
			continue
		case time.Now().After(deadline):
			look.kill()
			// If /proc could not be read, no member was found.
			c.Signal(syscall.SIGKILL)
			c.lastResort(look)
			return
		case look.fresh > 0:
		case look.pending > 0:
			waitFor(reaped, lookAgainTime)
		default:
			look.kill()
			waitFor(reaped, lookAgainTime)
		}
		quiet = 0
	}
}

func (r found) kill() {
	for _, member := range r.alive {
		signalProc(member, syscall.SIGKILL)
	}
}

// lastResort is for a program of which new processes are still found. It takes the other commands of
// the sandbox with it. What was killed and only does not end (in the kernel, on a dead file system)
// would not end by this either.
func (c *Child) lastResort(look found) {
	if look.fresh > 0 && c.reaper.options.OwnsSandbox {
		_ = syscall.Kill(-1, syscall.SIGKILL)
	}
}

// awaitGroup waits until the child and its process group have ended, for as long as the grace.
func (c *Child) awaitGroup() {
	for deadline := time.Now().Add(graceTime); ; {
		reaped := c.reaper.nextReaped()
		left := time.Until(deadline)
		if left <= 0 || c.HasExited() && syscall.Kill(-c.pid, 0) == syscall.ESRCH {
			return
		}
		waitFor(reaped, left)
	}
}

func waitFor(event <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-event:
	case <-timer.C:
	}
}
