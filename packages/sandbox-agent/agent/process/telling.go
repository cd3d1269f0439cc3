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
	for {
		next := t.process.output.after(t.after)
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
			t.after = next.number
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
