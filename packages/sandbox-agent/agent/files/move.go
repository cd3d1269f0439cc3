package files

import (
	"context"
	"strings"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

type moveParams struct {
	From      wire.Bytes `json:"from"`
	To        wire.Bytes `json:"to"`
	Overwrite bool       `json:"overwrite"`
}

func (s *service) move(ctx context.Context, call *rpc.Call) (any, error) {
	var params moveParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	for _, path := range []wire.Bytes{params.From, params.To} {
		if err := CheckPath(path); err != nil {
			return nil, err
		}
	}
	from, to := string(params.From), string(params.To)
	source, err := heldPlace(ctx, from, false)
	if err == nil && source.stat == nil {
		source.close()
		err = syscall.ENOENT
	}
	if err != nil {
		return nil, Translate("move", from, absent(err))
	}
	defer source.close()
	if from == to {
		return nothing{}, nil
	}
	if isDirectory(source.stat) && strings.HasPrefix(to, from+"/") {
		return nil, wire.Errorf(wire.InvalidPath, "%s cannot be moved into itself", Show(from))
	}
	if err := s.moveTo(ctx, source, to, params.Overwrite); err != nil {
		return nil, Translate("move "+Show(from)+" to", to, err)
	}
	return nothing{}, nil
}

func (s *service) moveTo(ctx context.Context, source *place, to string, overwrite bool) error {
	if to == "/" {
		return syscall.EISDIR
	}
	target, err := heldPlace(ctx, to, true)
	if err != nil {
		return err
	}
	defer target.close()
	release, err := s.locks.take(ctx, target)
	if err != nil {
		return err
	}
	defer release()
	return step(ctx, func() error {
		if err := target.look(); err != nil {
			return err
		}
		if target.stat != nil && isDirectory(target.stat) {
			return syscall.EISDIR
		}
		if !overwrite || target.stat == nil {
			return renameIfAbsent(source.directory, source.name, target.directory, target.name)
		}
		// Of two names of one file, rename would keep both and say that it is done.
		if identityOf(source.stat) == identityOf(target.stat) {
			return unlinkAt(source.directory.descriptor, source.name, 0)
		}
		return renameAt(source.directory.descriptor, source.name, target.directory.descriptor, target.name, 0)
	})
}

// heldPlace is the place of a path itself: a link at its end is not followed.
func heldPlace(ctx context.Context, path string, makeParents bool) (held *place, err error) {
	if path == "/" {
		return nil, syscall.EBUSY
	}
	parentPath, name := split(path)
	err = step(ctx, func() error {
		directory, err := openParent(atWorking, parentPath, makeParents)
		if err != nil {
			return err
		}
		held = &place{directory: directory, name: name}
		if err = held.look(); err != nil {
			held.close()
		}
		return err
	})
	return held, err
}

// look sets stat to what stands in the place, and does not follow a link.
func (p *place) look() error {
	stat, err := p.directory.Stat(p.name)
	if err == syscall.ENOENT {
		p.stat = nil
		return nil
	}
	p.stat = &stat
	return err
}

func isDirectory(stat *syscall.Stat_t) bool {
	return stat.Mode&syscall.S_IFMT == syscall.S_IFDIR
}
