package rpc

import (
	"context"
	"io"
	"sync"

	"carrel-agent/wire"
)

// stream is one call on a connection: what has come in and was not read yet, and the windows of both
// directions.
type stream struct {
	id         uint32
	conn       *connection
	connection context.Context
	cancel     context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil where nobody waits
	inbox   inbox
	ended   bool // END came
	// What the client may still send, and what it has sent that was read and not given back yet.
	receiveWindow int
	consumed      int
	sendWindow    int
	widened       int  // by how much the client's window is more than the first one
	over          bool // the call has ended; what still comes is dropped
}

// send waits for window, then hands one frame to the connection.
func (s *stream) send(ctx context.Context, frameType wire.Type, head, payload []byte) error {
	size := len(head) + len(payload)
	if err := wire.CheckSize(frameType, size); err != nil {
		return wire.Errorf(wire.TooLarge, "%v", err)
	}
	s.mu.Lock()
	for s.sendWindow < size {
		if err := s.wait(ctx); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	s.sendWindow -= size
	s.mu.Unlock()
	return s.conn.out.frame(frameType, s.id, head, payload)
}

// receive copies what the client sent, and gives back window once half of it was used.
func (s *stream) receive(ctx context.Context, into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	for s.inbox.empty() {
		if s.over {
			s.mu.Unlock()
			return 0, io.ErrUnexpectedEOF
		}
		if s.ended {
			s.mu.Unlock()
			return 0, io.EOF
		}
		if s.wait(ctx) != nil {
			s.mu.Unlock()
			return 0, io.ErrUnexpectedEOF
		}
	}
	count := s.inbox.read(into)
	s.consumed += count
	given := 0
	if s.consumed >= s.conn.window/2 && !s.ended && !s.over {
		given, s.consumed = s.consumed+s.grow(), 0
		s.receiveWindow += given
	}
	s.mu.Unlock()
	if given > 0 {
		return count, s.conn.out.window(s.id, given)
	}
	return count, nil
}

// grow widens the window of a body that is being read, up to a bound and while the connections' share
// has room: a long way to the client does not slow a long body down, and one that nobody reads holds
// no more than its first window.
func (s *stream) grow() int {
	wanted := s.conn.window + s.widened
	if most := maxReceiveWindow - wanted; wanted > most {
		wanted = most
	}
	grown := s.conn.share.widen(wanted)
	s.widened += grown
	return grown
}

// end gives back what the call held. What still comes for it is dropped.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.inbox.clear()
	s.conn.share.narrow(s.widened)
	s.widened = 0
}

// wait gives up the lock until something changed. The lock is held again when it returns.
func (s *stream) wait(ctx context.Context) error {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return wire.Errorf(wire.Aborted, "the call was given up")
	}
}

func (s *stream) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// deliver takes DATA over; false where the client overran its window or sent after END.
func (s *stream) deliver(data []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(data) == 0 || len(data) > s.receiveWindow {
		return false
	}
	s.receiveWindow -= len(data)
	if s.over {
		return true
	}
	s.inbox.add(data)
	s.wake()
	return true
}

func (s *stream) deliverEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

// widen adds to the window for sending; false where that would pass what the protocol allows.
func (s *stream) widen(by uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if by == 0 || int64(s.sendWindow)+int64(by) > maxWindow {
		return false
	}
	s.sendWindow += int(by)
	s.wake()
	return true
}
