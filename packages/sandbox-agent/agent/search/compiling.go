package search

import (
	"context"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// One pattern at a time is made ready: what that takes is known only afterwards. Guests wait for each
// other only.
var (
	compileTurn      = make(chan struct{}, 1)
	compileGuestTurn = make(chan struct{}, 1)
)

// compiling makes a pattern ready, and counts what it costs until the call ends.
func compiling(ctx context.Context, call *rpc.Call, compile func() (cost int, err error)) error {
	turn := compileTurn
	if call.FromGuest() {
		turn = compileGuestTurn
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return wire.Errorf(wire.Aborted, "the search was given up")
	}
	defer func() { <-turn }()
	cost, err := compile()
	if err != nil {
		return err
	}
	return call.Work().Take(cost)
}
