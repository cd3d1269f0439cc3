package daemon

import (
	"context"
	"runtime/debug"
	"time"

	"carrel-agent/rpc"
)

// idleTime is how long after the last call that ended the daemon gives its free memory back.
const idleTime = 3 * time.Second

// freeingWhenIdle gives methods after whose calls memory is given back. Calls that last, such as
// watches and terminals, do not hold that up.
func freeingWhenIdle(methods map[string]rpc.Handler) map[string]rpc.Handler {
	idle := time.AfterFunc(idleTime, debug.FreeOSMemory)
	freeing := make(map[string]rpc.Handler, len(methods))
	for name, handler := range methods {
		handler := handler
		freeing[name] = func(ctx context.Context, call *rpc.Call) (any, error) {
			defer idle.Reset(idleTime)
			return handler(ctx, call)
		}
	}
	return freeing
}
