package search

import (
	"bufio"
	"io"
)

const (
	resultBuffer = 64 * 1024
	// maxResultBytes bounds what a client has to hold: 10,000 lines of 16 KiB would be 160 MiB.
	maxResultBytes = 16 * 1024 * 1024
)

// results writes the body of a search, a JSON array, while it goes on.
type results struct {
	out   *bufio.Writer
	room  int64
	bytes int
	next  byte
}

func newResults(out io.Writer, limit int64) *results {
	if limit > maxResults {
		limit = maxResults
	}
	return &results{out: bufio.NewWriterSize(out, resultBuffer), room: limit, next: '['}
}

// add writes one element; errEnough where there is no room for it.
func (r *results) add(element []byte) error {
	if r.room == 0 || r.bytes+len(element) > maxResultBytes {
		return errEnough
	}
	r.room--
	r.bytes += len(element)
	if err := r.out.WriteByte(r.next); err != nil {
		return err
	}
	r.next = ','
	_, err := r.out.Write(element)
	return err
}

func (r *results) end() error {
	text := "]"
	if r.next == '[' {
		text = "[]"
	}
	if _, err := r.out.WriteString(text); err != nil {
		return err
	}
	return r.out.Flush()
}
