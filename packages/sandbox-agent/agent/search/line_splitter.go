package search

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
)

// lineSplitter takes the bytes of a file in order and writes the lines that are asked for, joined by
// line breaks. It holds no more than one line, as far as that is given.
type lineSplitter struct {
	out    io.Writer
	offset int64
	limit  int64
	hash   hash.Hash

	line    int64 // number of the line that goes on
	begun   bool  // that line has a byte
	held    []byte
	tooLong bool // that line is longer than what is held

	given      int64
	givenBytes int
	cut        []int64
	full       bool
}

func newLineSplitter(out io.Writer, offset, limit int64) *lineSplitter {
	return &lineSplitter{out: out, offset: offset, limit: limit, hash: sha256.New(), cut: []int64{}}
}

func (s *lineSplitter) add(chunk []byte) error {
	s.hash.Write(chunk)
	for len(chunk) > 0 {
		if !s.wanted() {
			chunk = s.skip(chunk)
			continue
		}
		end := bytes.IndexByte(chunk, '\n')
		if end < 0 {
			s.extend(chunk)
			return nil
		}
		s.extend(chunk[:end])
		if err := s.endLine(); err != nil {
			return err
		}
		chunk = chunk[end+1:]
	}
	return nil
}

// end is the end of the file. A final line break makes no empty line behind it.
func (s *lineSplitter) end() error {
	if !s.begun {
		return nil
	}
	if s.wanted() {
		return s.endLine()
	}
	s.line++
	return nil
}

func (s *lineSplitter) wanted() bool { return s.line >= s.offset && !s.full }

// skip only counts lines, up to the one where the range begins. It gives what is behind.
func (s *lineSplitter) skip(chunk []byte) []byte {
	count := int64(bytes.Count(chunk, newline))
	if s.full || s.line+count < s.offset {
		s.line += count
		s.begun = chunk[len(chunk)-1] != '\n'
		return nil
	}
	for s.line < s.offset {
		chunk = chunk[bytes.IndexByte(chunk, '\n')+1:]
		s.line++
	}
	s.begun = false
	return chunk
}

func (s *lineSplitter) extend(text []byte) {
	s.begun = s.begun || len(text) > 0
	room := maxLineBytes - len(s.held)
	if len(text) > room {
		s.tooLong = true
		text = text[:room]
	}
	s.held = append(s.held, text...)
}

// endLine gives the line that is held, unless the range is full without it.
func (s *lineSplitter) endLine() error {
	line := wholeCharacters(s.held, false, s.tooLong)
	separated := 0
	if s.given > 0 {
		separated = 1
	}
	if s.givenBytes+separated+len(line) > maxRangeBytes {
		s.full = true
	} else if err := s.give(line, separated); err != nil {
		return err
	}
	s.held, s.tooLong, s.begun = s.held[:0], false, false
	s.line++
	return nil
}

func (s *lineSplitter) give(line []byte, separated int) error {
	if _, err := s.out.Write(newline[:separated]); err != nil {
		return err
	}
	if _, err := s.out.Write(line); err != nil {
		return err
	}
	if s.tooLong {
		s.cut = append(s.cut, s.given)
	}
	s.given++
	s.givenBytes += separated + len(line)
	s.full = s.given == s.limit
	return nil
}
