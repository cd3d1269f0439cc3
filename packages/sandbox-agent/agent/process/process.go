package process

import (
	"sync"
	"syscall"
	"time"

	"carrel-agent/children"
)

const (
	// How long the output of a process that ended waits for what it left behind to close it.
	drainTime = 50 * time.Millisecond
	// How long a process that cannot be killed is waited for.
	unkillableTime = time.Second
)

// process is one command: it runs, is stopped, or ended.
type process struct {
	id      string
	number  uint64
	command string
	open    bool // its input takes more than the client of its spawn sends

	child       *children.Child
	output      *recording
	pipes       [2]*pipe
	input       *input
	memoryKills int // that there were before it
	readers     int // of its output, under the lock of the table; the call that starts it is the first

	mu       sync.Mutex
	reason   outcome // why it is stopped
	over     bool    // it ended by itself
	ending   *result
	stopping chan struct{} // closed with a reason
	ended    chan struct{} // closed with a result
}

// stop asks for the end of the process. The first reason counts, and none after it ended by itself,
// unless it wrote too much: the end of that may be read after the end of the process.
func (p *process) stop(reason outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != "" || p.ending != nil || p.over && reason != outputLimit {
		return
	}
	p.reason = reason
	close(p.stopping)
}

// record is where a pipe puts what the process writes.
func (p *process) record(stream byte) func([]byte) {
	return func(data []byte) {
		if !p.output.add(stream, data) {
			p.stop(outputLimit)
		}
	}
}

// supervise sees the process to its end.
func (p *process) supervise(timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.child.Exited():
	case <-p.stopping:
	case <-timer.C:
		p.stop(timedOut)
	}
	killed := !p.hasEndedByItself()
	if killed {
		p.kill()
	}
	p.gather()
	if !killed && p.isStopped() {
		p.kill()
	}
	p.input.abandon()
}

// hasEndedByItself: an end that came before the reason to stop is the one that counts.
func (p *process) hasEndedByItself() bool {
	hasExited := p.child.HasExited()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = hasExited
	if hasExited && p.reason != outputLimit {
		p.reason = ""
	}
	return p.over && p.reason == ""
}

func (p *process) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason != ""
}

func (p *process) kill() {
	p.child.Kill(syscall.SIGTERM)
	select {
	case <-p.child.Exited():
	case <-time.After(unkillableTime):
	}
}

// endLeftovers ends what the process left behind when it ended by itself. A fork bomb is that: its
// command has ended, and nothing else can be started.
func (p *process) endLeftovers() { p.child.Kill(syscall.SIGTERM) }

// gather takes what the process wrote before its end; what it left behind has a short time to add.
func (p *process) gather() {
	for _, pipe := range p.pipes {
		pipe.drain()
	}
	var late <-chan time.Time
	for _, pipe := range p.pipes {
		select {
		case <-pipe.ended:
			continue
		default:
		}
		if late == nil {
			timer := time.NewTimer(drainTime)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-pipe.ended:
		case <-late:
			p.leave()
			return
		}
	}
}

// leave gives the pipes up to whoever still holds them.
func (p *process) leave() {
	for _, pipe := range p.pipes {
		pipe.drain()
		pipe.discard()
	}
}

// settle decides how the process ended.
func (p *process) settle(memoryKills *memoryKills) {
	var status syscall.WaitStatus
	lifetime := time.Since(p.child.StartedAt())
	select {
	case <-p.child.Exited():
		status, lifetime = p.child.Status()
	default: // it is stopped, and the reason tells its end
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = newResult(p.reason, status, lifetime, func() bool { return memoryKills.count() > p.memoryKills })
}

// announce lets everyone know who waits for the end.
func (p *process) announce() {
	p.output.end()
	close(p.ended)
}

// result is nil while it runs.
func (p *process) result() *result {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending == nil {
		return nil
	}
	told := *p.ending
	told.Truncated = p.output.isTruncated()
	return &told
}
