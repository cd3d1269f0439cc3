package search

import (
	"context"

	"carrel-agent/files"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// glob finds files by pattern.
func glob(ctx context.Context, call *rpc.Call) (any, error) {
	var given struct {
		Pattern wire.Bytes `json:"pattern"`
		bounds
	}
	if err := call.Params(&given); err != nil {
		return nil, err
	}
	if err := files.CheckPath(given.Path); err != nil {
		return nil, err
	}
	var pattern *globPattern
	err := compiling(ctx, call, func() (cost int, err error) {
		if pattern, err = compileGlob(string(given.Pattern), given.Hidden); err != nil {
			return 0, err
		}
		return pattern.cost(), nil
	})
	if err != nil {
		return nil, err
	}
	return run(ctx, call, given.bounds, func(s *search) error {
		return s.glob(string(given.Path), pattern)
	})
}

func (s *search) glob(path string, pattern *globPattern) error {
	root, err := s.openRoot(path)
	if err != nil {
		return files.Translate("search", path, err)
	}
	defer root.Close()
	var element []byte
	w := walk{search: s, pattern: pattern}
	w.visit = func(directory *files.Directory, path, name string) error {
		var info files.Info
		err := s.blocking(func() error {
			stat, err := directory.Stat(name)
			info = files.InfoOf(path, &stat)
			return err
		})
		if err != nil {
			return s.passOver(err)
		}
		element = info.AppendJSON(element[:0])
		return s.results.add(element)
	}
	return w.in(root, path, pattern.starts, 0)
}

func (s *search) openRoot(path string) (root *files.Directory, err error) {
	err = s.blocking(func() (err error) {
		root, err = files.OpenDirectory(path)
		return err
	})
	return root, err
}
