package process

import (
	"syscall"
	"time"
)

type outcome string

const (
	exited      outcome = "exited"
	signaled    outcome = "signaled"
	timedOut    outcome = "timed-out"
	cancelled   outcome = "cancelled"
	outputLimit outcome = "output-limit"
	outOfMemory outcome = "out-of-memory"
)

// result is how a process ended.
type result struct {
	Outcome    outcome `json:"outcome"`
	ExitCode   *int    `json:"exitCode"`
	Signal     *string `json:"signal"`
	Truncated  bool    `json:"truncated"`
	DurationMs int64   `json:"durationMs"`
}

// newResult tells of a process that was stopped its reason, and of another its status. Either a
// program or, with 137, its shell tells of the SIGKILL that the kernel sends when memory is used up.
func newResult(reason outcome, status syscall.WaitStatus, lifetime time.Duration, memoryKilled func() bool) *result {
	r := &result{Outcome: reason, DurationMs: lifetime.Milliseconds()}
	const shellTellsKill = 128 + int(syscall.SIGKILL)
	killed := status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == shellTellsKill
	switch {
	case reason != "":
	case killed && memoryKilled():
		r.Outcome = outOfMemory
	case status.Signaled():
		r.Outcome, r.Signal = signaled, signalName(status.Signal())
	default:
		code := status.ExitStatus()
		r.Outcome, r.ExitCode = exited, &code
	}
	return r
}
