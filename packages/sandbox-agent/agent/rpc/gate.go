package rpc

import (
	"context"

	"carrel-agent/wire"
)

// BlockingCalls is how many goroutines may sit in a system call that blocks at a time. Each holds a
// thread, and a runtime that cannot make one, because the sandbox's limit of processes is reached,
// ends the program. The daemon makes as many threads as this needs when it starts.
const BlockingCalls = 8

var gate = make(chan struct{}, BlockingCalls)

// Blocking does work that may block in the kernel: files above all. Keep each piece short, so that a
// long transfer lets others in between.
func Blocking(ctx context.Context, work func() error) error {
	select {
	case gate <- struct{}{}:
	case <-ctx.Done():
		return wire.Errorf(wire.Aborted, "the call was given up before it began")
	}
	defer func() { <-gate }()
	return work()
}
