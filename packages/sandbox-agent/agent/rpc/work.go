package rpc

import (
	"sync"

	"carrel-agent/wire"
)

// workPart is the part of a share's memory for work that one call may have, as a divisor: one that
// needs much leaves something for others.
const workPart = 2

// Work is the memory that one call holds for its work, counted by what it costs. It is given back at
// the end of the call. A nil Work counts nothing.
type Work struct {
	share *Share

	mu    sync.Mutex
	bytes int
	ended bool
}

// Take counts bytes that the call holds from now on; `capacity` if these are too many.
func (w *Work) Take(bytes int) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if limit := w.share.limits.WorkBytes / workPart; w.bytes+bytes > limit {
		return wire.Errorf(wire.TooLarge, "the call needs more than the %d bytes of memory that one call of the agent may have; ask for less at once", limit)
	}
	if w.ended || !w.share.takeWork(bytes) {
		return wire.Errorf(wire.Capacity, "the calls of the agent hold %d bytes of memory already; try again once others have ended", w.share.limits.WorkBytes)
	}
	w.bytes += bytes
	return nil
}

// Give takes bytes off that the call holds no longer.
func (w *Work) Give(bytes int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.bytes -= bytes
	w.share.giveWork(bytes)
}

// Held is how much the call holds.
func (w *Work) Held() int {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

func (w *Work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.share.giveWork(w.bytes)
	w.bytes, w.ended = 0, true
}
