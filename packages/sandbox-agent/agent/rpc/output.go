package rpc

import (
	"encoding/binary"
	"io"
	"sync"

	"carrel-agent/wire"
)

// highWater is how much may wait to be written before senders wait as well.
const highWater = 128 * 1024

// output gathers frames and writes them: whoever sends while a write goes on has its frame go out
// with the next one.
type output struct {
	mu      sync.Mutex
	free    sync.Cond // there is room, or it is over
	work    sync.Cond // there is something to write, or it is over
	pending []byte
	closed  bool
	err     error
	done    chan struct{}
}

func newOutput(target io.Writer) *output {
	o := &output{done: make(chan struct{})}
	o.free.L, o.work.L = &o.mu, &o.mu
	go o.run(target)
	return o
}

func (o *output) frame(frameType wire.Type, stream uint32, head, payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > highWater && o.err == nil && !o.closed {
		o.free.Wait()
	}
	if o.err != nil {
		return o.err
	}
	if o.closed {
		return io.ErrClosedPipe
	}
	o.pending = wire.AppendHeader(o.pending, frameType, stream, len(head)+len(payload))
	o.pending = append(o.pending, head...)
	o.pending = append(o.pending, payload...)
	o.work.Signal()
	return nil
}

func (o *output) window(stream uint32, by int) error {
	var payload [4]byte
	binary.BigEndian.PutUint32(payload[:], uint32(by))
	return o.frame(wire.Window, stream, nil, payload[:])
}

// close lets what is pending go out, and takes nothing more.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.work.Signal()
	o.free.Broadcast()
}

func (o *output) run(target io.Writer) {
	defer close(o.done)
	var writing []byte
	for {
		o.mu.Lock()
		for len(o.pending) == 0 && !o.closed {
			o.work.Wait()
		}
		if len(o.pending) == 0 {
			o.mu.Unlock()
			return
		}
		writing, o.pending = o.pending, writing[:0]
		o.free.Broadcast()
		o.mu.Unlock()
		_, err := target.Write(writing)
		if cap(writing) > 2*highWater {
			writing = nil // an idle agent holds no large buffers
		}
		if err != nil {
			o.fail(err)
			return
		}
	}
}

func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.pending = err, nil
	o.free.Broadcast()
}
