// Package children starts the programs of a sandbox, learns how they end, and ends them with all that
// descends from them, wherever it went.
package children

import (
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	prSetChildSubreaper = 36
	// The kernel frees memory by ending what has the highest score: a command, and not the agent.
	oomScoreAdjust = "900"
)

// Options of a Reaper.
type Options struct {
	// Instance is what every mark of this agent begins with.
	Instance string
	// OwnsSandbox allows `kill(-1, SIGKILL)` as the last resort against a program that cannot be
	// stopped otherwise. It ends every process that this user may signal, so it is only for an agent
	// that has a sandbox to itself.
	OwnsSandbox bool
}

// Reaper waits for every child of this program: those that it started and, because it makes the
// program a subreaper, the orphans that they leave. There is one in a program.
type Reaper struct {
	options Options

	// Whoever starts a child shares it and the reaper excludes them: a child that ended at once is
	// not reaped before it is known.
	forks sync.RWMutex

	mu       sync.Mutex
	children map[int]*Child
	reaped   chan struct{} // closed and replaced when something was reaped

	// One scan of /proc at a time bounds the threads that sit in it.
	scanning sync.Mutex
}

// NewReaper makes this program the one that orphans fall to, and sets the umask of what it starts.
func NewReaper(options Options) (*Reaper, error) {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return nil, os.NewSyscallError("prctl", errno)
	}
	syscall.Umask(0o022)
	if err := keepDescriptors(); err != nil {
		return nil, err
	}
	r := &Reaper{options: options, children: map[int]*Child{}, reaped: make(chan struct{})}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r, nil
}

// keepDescriptors keeps from what is started whatever this program was itself started with.
func keepDescriptors() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if descriptor, err := strconv.Atoi(entry.Name()); err == nil && descriptor > 2 {
			syscall.CloseOnExec(descriptor)
		}
	}
	return nil
}

// reap collects every child that has ended.
func (r *Reaper) reap() {
	r.forks.Lock()
	defer r.forks.Unlock()
	some := false
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			break
		}
		some = true
		r.mu.Lock()
		child := r.children[pid]
		delete(r.children, pid)
		r.mu.Unlock()
		if child != nil {
			child.end(status)
		}
	}
	if some {
		r.mu.Lock()
		close(r.reaped)
		r.reaped = make(chan struct{})
		r.mu.Unlock()
	}
}

// nextReaped is closed once something more was reaped.
func (r *Reaper) nextReaped() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reaped
}

func (r *Reaper) isKnown(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.children[pid] != nil
}

// Program is what to start.
type Program struct {
	Path      string
	Arguments []string
	Directory string
	// Environment is made by Environment, with the same mark.
	Environment []string
	Mark        string
	// Input, Output and Failure are the descriptors that become 0, 1 and 2.
	Input, Output, Failure int
	// Terminal makes Input the terminal that controls the program's session.
	Terminal bool
}

// Start runs a program in a session of its own. The error is a syscall.Errno.
func (r *Reaper) Start(program Program) (*Child, error) {
	attributes := &syscall.ProcAttr{
		Dir:   program.Directory,
		Env:   program.Environment,
		Files: []uintptr{uintptr(program.Input), uintptr(program.Output), uintptr(program.Failure)},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: program.Terminal},
	}
	r.forks.RLock()
	defer r.forks.RUnlock()
	started := time.Now()
	pid, err := syscall.ForkExec(program.Path, program.Arguments, attributes)
	if err != nil {
		return nil, err
	}
	child := &Child{reaper: r, pid: pid, mark: program.Mark, started: started, exited: make(chan struct{})}
	reader := newProcReader(statSize)
	if found, ok := reader.stat(pid); ok {
		child.start = found.start
	}
	reader.adjustOOMScore(pid)
	r.mu.Lock()
	r.children[pid] = child
	r.mu.Unlock()
	return child, nil
}
