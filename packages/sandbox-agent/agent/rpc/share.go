package rpc

import (
	"sync"

	"carrel-agent/wire"
)

// Limits are what a group of connections may hold together. Each bounds memory by what it costs.
type Limits struct {
	// Calls is how many calls may be open.
	Calls int
	// ParameterBytes is how much of the parameters of calls may wait to be decoded.
	ParameterBytes int
	// WindowBytes is how much window may be given to calls beyond the first window of each.
	WindowBytes int
	// WorkBytes is how much calls may hold for their work: names of a directory, changes to tell.
	WorkBytes int
}

// DefaultLimits are those of the connections from outside of the sandbox together: 512 calls with a
// first window of 128 KiB are 64 MiB, to which come 32 MiB of further window, 16 MiB of parameters and
// 96 MiB for work.
var DefaultLimits = Limits{
	Calls:          512,
	ParameterBytes: 16 << 20,
	WindowBytes:    32 << 20,
	WorkBytes:      96 << 20,
}

// GuestLimits are those of all connections together that programs of the sandbox may have made. What
// they use up, the others have left.
var GuestLimits = Limits{
	Calls:          256,
	ParameterBytes: 4 << 20,
	WindowBytes:    8 << 20,
	WorkBytes:      24 << 20,
}

// Share counts what a group of connections holds.
type Share struct {
	limits Limits
	// guest says that programs of the sandbox may have made the connections.
	guest bool

	mu   sync.Mutex
	held Limits
}

// NewShare makes the share of connections from outside of the sandbox.
func NewShare(limits Limits) *Share { return &Share{limits: limits} }

// NewGuestShare makes the share of connections that programs of the sandbox may have made.
func NewGuestShare(limits Limits) *Share { return &Share{limits: limits, guest: true} }

// begin counts one more call and its parameters.
func (s *Share) begin(parameterBytes int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.Calls >= s.limits.Calls {
		return wire.Errorf(wire.Capacity, "%d calls are open already, on all connections together", s.limits.Calls)
	}
	if s.held.ParameterBytes+parameterBytes > s.limits.ParameterBytes {
		return wire.Errorf(wire.Capacity, "%d bytes of parameters wait to be read already; try again", s.held.ParameterBytes)
	}
	s.held.Calls++
	s.held.ParameterBytes += parameterBytes
	return nil
}

func (s *Share) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.Calls--
}

func (s *Share) decoded(parameterBytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.ParameterBytes -= parameterBytes
}

// widen gives as much of the wanted window as there is.
func (s *Share) widen(wanted int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.limits.WindowBytes - s.held.WindowBytes; wanted > left {
		wanted = left
	}
	s.held.WindowBytes += wanted
	return wanted
}

func (s *Share) narrow(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.WindowBytes -= by
}

func (s *Share) takeWork(bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.WorkBytes+bytes > s.limits.WorkBytes {
		return false
	}
	s.held.WorkBytes += bytes
	return true
}

func (s *Share) giveWork(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.WorkBytes -= bytes
}
