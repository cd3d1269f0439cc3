package daemon

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"carrel-agent/rpc"
)

// idleTime is how long after its last call the daemon gives its free memory back.
const idleTime = 3 * time.Second

// idleness watches the calls of all connections.
type idleness struct {
	mu    sync.Mutex
	calls int
	timer *time.Timer
}

func newIdleness() *idleness {
	i := &idleness{timer: time.AfterFunc(idleTime, debug.FreeOSMemory)}
	return i
}

// watch gives methods that are counted while they run.
func (i *idleness) watch(methods map[string]rpc.Handler) map[string]rpc.Handler {
	watched := make(map[string]rpc.Handler, len(methods))
	for name, handler := range methods {
		handler := handler
		watched[name] = func(ctx context.Context, call *rpc.Call) (any, error) {
			i.began()
			defer i.ended()
			return handler(ctx, call)
		}
	}
	return watched
}

func (i *idleness) began() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	i.timer.Stop()
}

func (i *idleness) ended() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.calls--; i.calls == 0 {
		i.timer.Reset(idleTime)
	}
}
