package process

import (
	"context"
	"encoding/binary"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	// A command that ends within this is told in one go: its start, its output and its result.
	shortTime = 2 * time.Millisecond
	// How long a client that cancelled may take for the rest of the output.
	farewellTime = 5 * time.Second
	// A program that writes byte by byte does not make a frame of each byte for long: a stream may send
	// smallBurst small chunks at once, and one more for each smallTime; otherwise what is written within
	// joinTime goes into one frame.
	smallBurst = 256
	smallTime  = 250 * time.Microsecond
	joinTime   = 500 * time.Microsecond
)

func awaitShort(p *process) {
	timer := time.NewTimer(shortTime)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
}

// telling is one output stream: how a client learns of a process.
type telling struct {
	process     *process
	call        *rpc.Call
	after       uint32
	cancelStops bool
	small       allowance
}

type startEvent struct {
	ID        string `json:"id"`
	StartedAt string `json:"startedAt"`
	Open      bool   `json:"open"`
}

func (t *telling) run(ctx context.Context) (any, error) {
	event := startEvent{ID: t.process.id, StartedAt: t.process.startedAt(), Open: t.process.open}
	if err := t.call.Event(ctx, event); err != nil {
		return nil, err
	}
	err := t.output(ctx)
	if err != nil && t.isCancelled(ctx) {
		t.process.stop(cancelled)
		err = t.farewell()
	}
	if err != nil {
		return nil, err
	}
	return t.process.result(), nil
}

// isCancelled tells a CANCEL that ends the process from a connection that broke, which does not.
func (t *telling) isCancelled(ctx context.Context) bool {
	return t.cancelStops && ctx.Err() != nil && t.call.Connection().Err() == nil
}

// output tells every chunk, until the process has ended.
func (t *telling) output(ctx context.Context) error {
	for waited := false; ; {
		next := t.process.output.after(t.after, !waited && t.small.isSpent())
		switch {
		case ctx.Err() != nil:
			return wire.Errorf(wire.Aborted, "the call was given up")
		case next.data != nil:
			var head [wire.ChunkHead]byte
			head[0] = next.stream
			binary.BigEndian.PutUint32(head[1:], next.number)
			if err := t.call.WriteChunk(ctx, head, next.data); err != nil {
				return err
			}
			if t.after = next.number; len(next.data) < joinBytes {
				t.small.spend()
			}
			waited = false
		case next.growing:
			t.awaitMore(ctx)
			waited = true
		case next.changed == nil:
			return nil
		default:
			select {
			case <-next.changed:
			case <-ctx.Done():
			}
		}
	}
}

// allowance is how many small chunks may go at once: smallBurst, of which each smallTime gives one back.
type allowance struct {
	spent int
	since time.Time // when spent was counted
}

func (a *allowance) isSpent() bool {
	if a.spent < smallBurst {
		return false
	}
	back := time.Since(a.since) / smallTime
	if back > time.Duration(a.spent) {
		back = time.Duration(a.spent)
	}
	a.spent -= int(back)
	a.since = a.since.Add(back * smallTime)
	return a.spent >= smallBurst
}

func (a *allowance) spend() {
	if a.spent == 0 {
		a.since = time.Now()
	}
	a.spent++
}

// awaitMore waits a moment for what the process adds to its last chunk, and not beyond its end.
func (t *telling) awaitMore(ctx context.Context) {
	timer := time.NewTimer(joinTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.process.ended:
	case <-ctx.Done():
	}
}

// farewell tells the end of a process that its client cancelled. The client may have forgotten the
// call, and gives no window any more.
func (t *telling) farewell() error {
	ctx, cancel := context.WithCancel(t.call.Connection())
	defer cancel()
	go func() {
		select {
		case <-t.process.ended:
			waitOrDone(ctx, farewellTime)
			cancel()
		case <-ctx.Done():
		}
	}()
	return t.output(ctx)
}

func waitOrDone(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
