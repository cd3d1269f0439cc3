// Package search finds files and lines: the methods glob, grep and readLines of
// architecture/agent-protocol.md. Patterns, trees and content are somebody else's: each search ends
// in its time, holds a bounded amount in memory, and says when it is not all.
package search

import (
	"context"
	"errors"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	// maxResults is the most that one search gives, whatever its limit says.
	maxResults = 10_000
	// maxTimeout only keeps a number of milliseconds within a time.Duration.
	maxTimeout = 24 * time.Hour
	// concurrent bounds the memory of all searches together; further ones wait for their turn. Those of
	// guests, who may read nothing, have turns of their own.
	concurrent      = 4
	concurrentGuest = 1
)

// Methods are the calls of this package by their name on the wire.
func Methods() map[string]rpc.Handler {
	return map[string]rpc.Handler{"glob": glob, "grep": grep, "readLines": readLines}
}

var (
	turns      = make(chan struct{}, concurrent)
	guestTurns = make(chan struct{}, concurrentGuest)
)

// errEnough ends a search that has found as much as it may give.
var errEnough = errors.New("there are more results than were asked for")

// bounds are what every search is given.
type bounds struct {
	Path      wire.Bytes `json:"path"`
	Limit     int64      `json:"limit"`
	Hidden    bool       `json:"hidden"`
	TimeoutMs int64      `json:"timeoutMs"`
}

type outcome struct {
	Truncated bool `json:"truncated"`
}

// search is one glob or grep under way.
type search struct {
	// stop ends with the call and with the time that the search may take.
	stop    context.Context
	results *results
	turns   chan struct{}
	// incomplete says that something was left out that may hold results.
	incomplete bool
}

// run does a search in its bounds. Waiting for a turn is part of the time that it may take.
func run(ctx context.Context, call *rpc.Call, given bounds, work func(*search) error) (any, error) {
	if given.Limit < 1 || given.TimeoutMs < 1 {
		return nil, wire.Errorf(wire.InvalidArgument,
			"limit and timeoutMs must be at least 1, not %d and %d", given.Limit, given.TimeoutMs)
	}
	timeout := maxTimeout
	if given.TimeoutMs < maxTimeout.Milliseconds() {
		timeout = time.Duration(given.TimeoutMs) * time.Millisecond
	}
	stop, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s := &search{stop: stop, results: newResults(call.Writer(ctx), given.Limit)}
	if s.turns = turns; call.FromGuest() {
		s.turns = guestTurns
	}
	err := s.inTurn(work)
	switch {
	case ctx.Err() != nil:
		return nil, wire.Errorf(wire.Aborted, "the search was given up")
	case stop.Err() != nil || errors.Is(err, errEnough):
		s.incomplete = true
	case err != nil:
		return nil, err
	}
	return outcome{s.incomplete}, s.results.end()
}

func (s *search) inTurn(work func(*search) error) error {
	select {
	case s.turns <- struct{}{}:
	case <-s.stop.Done():
		return s.stop.Err()
	}
	defer func() { <-s.turns }()
	return work(s)
}

// blocking does work in the kernel, unless the time is up.
func (s *search) blocking(work func() error) error {
	if err := s.stop.Err(); err != nil {
		return err
	}
	return rpc.Blocking(s.stop, work)
}
