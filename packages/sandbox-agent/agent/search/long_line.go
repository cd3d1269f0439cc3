package search

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// longLine searches the line that fills the buffer and goes on behind it. It leaves the buffer empty
// and at the beginning of the next line.
func (l *lineScan) longLine() error {
	start := l.base
	candidate, err := l.candidateInLongLine()
	if err != nil {
		return err
	}
	match := candidate
	if candidate >= 0 && l.matcher.expression != nil {
		if match, err = l.slowly(start); err != nil {
			return err
		}
	}
	end, next, err := l.endOfLongLine()
	if err != nil {
		return err
	}
	if match >= 0 {
		from, to := cutRange(end-start, match)
		text := l.buffer[:to-from]
		count, err := l.readFull(text, start+from)
		if err != nil {
			return err
		}
		if err := l.tell(wholeCharacters(text[:count], from > 0, to < end-start)); err != nil {
			return err
		}
	}
	l.base, l.held = next, 0
	l.line++
	return nil
}

// candidateInLongLine is where in the line a required text is first, or -1. On the way it moves the
// buffer on, at most to the piece in which the line ends.
func (l *lineScan) candidateInLongLine() (int64, error) {
	start := l.base
	if len(l.matcher.required.texts) == 0 {
		return 0, nil
	}
	for {
		piece, ended := l.piece()
		if ended {
			piece = withoutReturn(piece)
		}
		l.candidates.in(piece)
		if hit := l.candidates.from(0); hit >= 0 {
			return l.base - start + int64(hit), nil
		}
		if ended {
			return -1, nil
		}
		// A text may begin in this piece and end in the next one, and so may the line break.
		overlap := min(max(l.matcher.required.longest()-1, 1), len(piece))
		if more, err := l.advance(overlap); err != nil || !more {
			return -1, err
		}
	}
}

// piece is what the buffer has of the line, and whether the line ends there.
func (l *lineScan) piece() ([]byte, bool) {
	if end := bytes.IndexByte(l.buffer[:l.held], '\n'); end >= 0 {
		return l.buffer[:end], true
	}
	return l.buffer[:l.held], false
}

// advance keeps the last bytes of the buffer and fills the rest; false is the end of the file.
func (l *lineScan) advance(keep int) (bool, error) {
	l.base += int64(l.held - keep)
	l.held = copy(l.buffer, l.buffer[l.held-keep:l.held])
	for l.held < len(l.buffer) {
		ended, err := l.fill()
		if err != nil {
			return false, err
		}
		if ended {
			return l.held > keep, nil
		}
	}
	return true, nil
}

// endOfLongLine is where the line ends, without its line break, and where the next one begins.
func (l *lineScan) endOfLongLine() (end, next int64, err error) {
	for {
		piece, ended := l.piece()
		if ended {
			end = l.base + int64(len(withoutReturn(piece)))
			return end, l.base + int64(len(piece)) + 1, nil
		}
		// One byte stays: it may be the carriage return of the line break.
		more, err := l.advance(min(1, l.held))
		if err != nil {
			return 0, 0, err
		}
		if !more {
			piece, _ = l.piece()
			return l.base + int64(len(withoutReturn(piece))), l.base + int64(l.held), nil
		}
	}
}

func (l *lineScan) readFull(into []byte, offset int64) (count int, err error) {
	for count < len(into) {
		size, err := l.readAt(into[count:], offset+int64(count))
		count += size
		if err == io.EOF {
			break
		}
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// slowly matches the line at an offset of the file while it is read, and looks at the clock. It
// tells where in the line the match begins, or -1.
func (l *lineScan) slowly(offset int64) (int64, error) {
	line := &lineRunes{scan: l, offset: offset}
	match := l.matcher.inRunes(line)
	return match, line.err
}

// lineRunes reads the characters of one line of a file, without its line break.
type lineRunes struct {
	scan   *lineScan
	offset int64
	err    error

	memory [4096]byte
	rest   []byte // what is in memory and was not given yet
	ended  bool
	given  uint
}

// clockEvery is after how many characters lineRunes looks at the clock.
const clockEvery = 64

func (r *lineRunes) ReadRune() (rune, int, error) {
	if r.given++; r.given%clockEvery == 0 && r.err == nil {
		r.err = r.scan.search.stop.Err()
	}
	for !r.ended && r.err == nil && (len(r.rest) < 2 || !utf8.FullRune(r.rest)) {
		r.fill()
	}
	if r.err != nil || len(r.rest) == 0 || r.rest[0] == '\n' || r.endsInReturn() {
		return 0, 0, io.EOF
	}
	character, size := utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return character, size, nil
}

func (r *lineRunes) endsInReturn() bool {
	return r.rest[0] == '\r' && (len(r.rest) == 1 || r.rest[1] == '\n')
}

func (r *lineRunes) fill() {
	held := copy(r.memory[:], r.rest)
	count, err := r.scan.readAt(r.memory[held:], r.offset)
	r.offset += int64(count)
	r.rest = r.memory[:held+count]
	if err == io.EOF {
		r.ended = true
	} else {
		r.err = err
	}
}
