package search

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"syscall"
	"time"

	"carrel-agent/files"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	readLinesSize = 128 * 1024
	// maxRangeBytes is the most text of one range, as MAX_READ_LINES_BYTES of the contract.
	maxRangeBytes = 1024 * 1024
	// Once a range has its lines, the rest of the file is read only to count and to hash it: not
	// beyond this size, and not after this time.
	maxCountedBytes = 256 * 1024 * 1024
	maxCountingTime = time.Second
)

type lineRange struct {
	Found      bool    `json:"found"`
	Lines      int64   `json:"lines"`
	Offset     int64   `json:"offset"`
	NextOffset *int64  `json:"nextOffset"`
	TotalLines *int64  `json:"totalLines"`
	Hash       *string `json:"hash"`
	CutLines   []int64 `json:"cutLines"`
	Binary     bool    `json:"binary"`
}

// readLines gives lines of a text file.
func readLines(ctx context.Context, call *rpc.Call) (any, error) {
	var given struct {
		Path   wire.Bytes `json:"path"`
		Offset int64      `json:"offset"`
		Limit  int64      `json:"limit"`
	}
	if err := call.Params(&given); err != nil {
		return nil, err
	}
	if err := files.CheckPath(given.Path); err != nil {
		return nil, err
	}
	if given.Offset < 0 || given.Limit < 1 {
		return nil, wire.Errorf(wire.InvalidArgument,
			"offset must be at least 0 and limit at least 1, not %d and %d", given.Offset, given.Limit)
	}
	if err := call.Work().Take(readLinesSize + resultBuffer); err != nil {
		return nil, err
	}
	path := string(given.Path)
	var file *files.File
	err := rpc.Blocking(ctx, func() (err error) {
		file, err = files.OpenFile(path)
		return err
	})
	if files.Missing(err) {
		return lineRange{Offset: given.Offset, CutLines: []int64{}}, nil
	}
	if err != nil {
		return nil, files.Translate("read", path, err)
	}
	defer file.Close()
	out := bufio.NewWriterSize(call.Writer(ctx), resultBuffer)
	splitter := newLineSplitter(out, given.Offset, given.Limit)
	source := reader(func(into []byte) (count int, err error) {
		err = rpc.Blocking(ctx, func() (err error) {
			count, err = file.Read(into)
			return err
		})
		return count, err
	})
	result, err := readRange(source, splitter, time.Now().Add(maxCountingTime))
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return nil, files.Translate("read", path, err)
	}
	if err != nil {
		return nil, err
	}
	return result, out.Flush()
}

type reader func([]byte) (int, error)

func (r reader) Read(into []byte) (int, error) { return r(into) }

// readRange reads a file to its end, or until the range is full and the rest too much to count.
func readRange(source io.Reader, splitter *lineSplitter, countUntil time.Time) (lineRange, error) {
	chunk := make([]byte, readLinesSize)
	size, err := io.ReadFull(source, chunk[:binaryProbe])
	if bytes.IndexByte(chunk[:size], 0) >= 0 {
		return lineRange{Found: true, Offset: splitter.offset, CutLines: []int64{}, Binary: true}, nil
	}
	for total := int64(0); ; size, err = source.Read(chunk) {
		total += int64(size)
		if writeErr := splitter.add(chunk[:size]); writeErr != nil {
			return lineRange{}, writeErr
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			if err := splitter.end(); err != nil {
				return lineRange{}, err
			}
			return splitter.whole(), nil
		case err != nil:
			return lineRange{}, err
		case splitter.full && (total >= maxCountedBytes || time.Now().After(countUntil)):
			return splitter.part(), nil
		}
	}
}

// whole is the range of a file that was read to its end.
func (s *lineSplitter) whole() lineRange {
	result := s.part()
	if next := *result.NextOffset; next >= s.line {
		result.NextOffset = nil
	}
	hash := hex.EncodeToString(s.hash.Sum(nil))
	result.TotalLines, result.Hash = &s.line, &hash
	return result
}

// part is the range of a file whose end is not known.
func (s *lineSplitter) part() lineRange {
	next := s.offset + s.given
	return lineRange{Found: true, Lines: s.given, Offset: s.offset, NextOffset: &next, CutLines: s.cut}
}
