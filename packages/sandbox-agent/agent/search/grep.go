package search

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"

	"carrel-agent/files"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// grep finds lines by a regular expression, or by text.
func grep(ctx context.Context, call *rpc.Call) (any, error) {
	var given struct {
		Pattern    wire.Bytes  `json:"pattern"`
		Glob       *wire.Bytes `json:"glob"`
		Literal    bool        `json:"literal"`
		IgnoreCase bool        `json:"ignoreCase"`
		bounds
	}
	if err := call.Params(&given); err != nil {
		return nil, err
	}
	if err := files.CheckPath(given.Path); err != nil {
		return nil, err
	}
	var matcher *lineMatcher
	var pattern *globPattern
	err := compiling(ctx, call, func() (cost int, err error) {
		if matcher, err = compileMatcher(string(given.Pattern), given.Literal, given.IgnoreCase); err != nil {
			return 0, err
		}
		if pattern, err = compileGlob(grepGlob(given.Glob), given.Hidden); err != nil {
			return 0, err
		}
		return matcher.cost + pattern.cost(), nil
	})
	if err != nil {
		return nil, err
	}
	return run(ctx, call, given.bounds, func(s *search) error {
		return s.grep(string(given.Path), pattern, matcher)
	})
}

// grepGlob is the glob of the files to search: without a slash in it, it is about their names.
func grepGlob(given *wire.Bytes) string {
	switch {
	case given == nil:
		return "**"
	case *given == "" || strings.Contains(string(*given), "/"):
		return string(*given)
	}
	return "**/" + string(*given)
}

func (s *search) grep(path string, pattern *globPattern, matcher *lineMatcher) error {
	scan := newLineScan(s, matcher)
	root, err := s.openRoot(path)
	if errors.Is(err, syscall.ENOTDIR) {
		return s.grepOne(path, scan)
	}
	if err != nil {
		return files.Translate("search", path, err)
	}
	defer root.Close()
	w := walk{search: s, pattern: pattern, regular: true}
	w.visit = func(directory *files.Directory, path, name string) error {
		err := s.grepFile(path, scan, func() (*files.File, error) { return directory.OpenFile(name) })
		var errno syscall.Errno
		if errors.As(err, &errno) {
			return s.passOver(errno)
		}
		return err
	}
	return w.in(root, path, pattern.starts, 0)
}

// grepOne searches a file that was named. Anything but a regular file has no lines.
func (s *search) grepOne(path string, scan *lineScan) error {
	err := s.grepFile(path, scan, func() (*files.File, error) { return files.OpenFile(path) })
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.ENXIO):
		return nil
	case files.Missing(err):
		return wire.Errorf(wire.NotFound, "cannot search %s: it does not exist", files.Show(path))
	case errors.As(err, &errno):
		return files.Translate("search", path, errno)
	}
	return err
}

func (s *search) grepFile(path string, scan *lineScan, open func() (*files.File, error)) error {
	var file *files.File
	err := s.blocking(func() (err error) {
		file, err = open()
		return err
	})
	if err != nil {
		return err
	}
	defer file.Close()
	scan.begin(file, path)
	return scan.run()
}

func appendMatch(out []byte, path string, line int64, text []byte) []byte {
	out = wire.Bytes(path).AppendJSON(append(out, `{"path":`...))
	out = strconv.AppendInt(append(out, `,"line":`...), line, 10)
	out = wire.Bytes(text).AppendJSON(append(out, `,"text":`...))
	return append(out, '}')
}
