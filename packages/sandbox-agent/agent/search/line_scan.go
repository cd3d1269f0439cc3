package search

import (
	"bytes"
	"io"

	"carrel-agent/files"
)

const (
	// binaryProbe is how much of a file is looked at to tell whether it is binary.
	binaryProbe = 8 * 1024
	readSize    = 256 * 1024
	// maxBuffered is the longest line that is held in memory. A longer one is read piece by piece.
	maxBuffered = 1024 * 1024
	// maxLineBytes is how much of a line is told, as MAX_LINE_BYTES of the contract.
	maxLineBytes = 16 * 1024
)

// lineScan finds the lines of one file after the other. Its buffers are used again for each.
type lineScan struct {
	search     *search
	matcher    *lineMatcher
	candidates candidates
	buffer     []byte
	element    []byte

	file *files.File
	path string
	// base is where the buffer begins in the file, held how many bytes are in it, and line the number
	// of the line that begins there.
	base int64
	held int
	line int64
}

func newLineScan(s *search, matcher *lineMatcher) *lineScan {
	return &lineScan{
		search:     s,
		matcher:    matcher,
		candidates: candidates{required: matcher.required},
		buffer:     make([]byte, maxBuffered),
	}
}

func (l *lineScan) begin(file *files.File, path string) {
	l.file, l.path = file, path
	l.base, l.held, l.line = 0, 0, 1
}

// run searches the file, which it takes block by block: a block ends with the last line that is
// whole.
func (l *lineScan) run() error {
	ended, err := l.probe()
	if err != nil || bytes.IndexByte(l.buffer[:min(l.held, binaryProbe)], 0) >= 0 {
		return err
	}
	for {
		end := bytes.LastIndexByte(l.buffer[:l.held], '\n') + 1
		if ended {
			end = l.held
		}
		if err := l.block(l.buffer[:end]); err != nil {
			return err
		}
		l.base += int64(end)
		l.held = copy(l.buffer, l.buffer[end:l.held])
		if ended {
			return nil
		}
		if l.held == len(l.buffer) {
			err = l.longLine()
		} else {
			ended, err = l.fill()
		}
		if err != nil {
			return err
		}
	}
}

// probe reads until it can be told whether the file is binary.
func (l *lineScan) probe() (ended bool, err error) {
	for l.held < binaryProbe && !ended && err == nil {
		ended, err = l.fill()
	}
	return ended, err
}

// fill reads on in the file.
func (l *lineScan) fill() (ended bool, err error) {
	into := l.buffer[l.held:min(l.held+readSize, len(l.buffer))]
	count, err := l.readAt(into, l.base+int64(l.held))
	l.held += count
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

func (l *lineScan) readAt(into []byte, offset int64) (count int, err error) {
	err = l.search.blocking(func() (err error) {
		count, err = l.file.ReadAt(into, offset)
		return err
	})
	return count, err
}

// block searches whole lines.
func (l *lineScan) block(block []byte) error {
	l.candidates.in(block)
	at := 0
	for at < len(block) {
		hit := l.candidates.from(at)
		if hit < 0 {
			break
		}
		start := at + bytes.LastIndexByte(block[at:hit], '\n') + 1
		l.line += int64(bytes.Count(block[at:start], newline))
		end := len(block)
		at = end
		if length := bytes.IndexByte(block[hit:], '\n'); length >= 0 {
			end = hit + length
			at = end + 1
		}
		if err := l.whole(block[start:end], l.base+int64(start)); err != nil {
			return err
		}
		l.line++
	}
	l.line += int64(bytes.Count(block[at:], newline))
	return nil
}

var newline = []byte{'\n'}

// whole matches a line that is in memory.
func (l *lineScan) whole(line []byte, offset int64) error {
	if err := l.search.stop.Err(); err != nil {
		return err
	}
	line = withoutReturn(line)
	var match int
	if l.matcher.isQuick(len(line)) {
		match = l.matcher.in(line)
	} else {
		found, err := l.slowly(offset)
		if err != nil {
			return err
		}
		match = int(found)
	}
	if match < 0 {
		return nil
	}
	return l.tell(cutAround(line, match))
}

// withoutReturn is a line without the carriage return of its line break.
func withoutReturn(line []byte) []byte {
	if len(line) > 0 && line[len(line)-1] == '\r' {
		return line[:len(line)-1]
	}
	return line
}

func (l *lineScan) tell(text []byte) error {
	l.element = appendMatch(l.element[:0], l.path, l.line, text)
	return l.search.results.add(l.element)
}

func min(first, second int) int {
	if second < first {
		return second
	}
	return first
}
