package files

import (
	"context"
	"math"
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
	err = step(ctx, func() error { return rename(source, target, overwrite) })
	if err == syscall.EXDEV && requireRegular(source.stat) == nil {
		return carryOver(ctx, source, target, overwrite)
	}
	return err
}

func rename(source, target *place, overwrite bool) error {
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
}

// carryOver moves a regular file to another file system: the workspace, the home and /tmp of a sandbox
// are three. At the target it is there at once; at the source it goes once it is.
func carryOver(ctx context.Context, source, target *place, overwrite bool) error {
	var file *File
	err := step(ctx, func() (err error) {
		if err = syscall.Faccessat(source.directory.descriptor, ".", writeAccess, 0); err != nil {
			return err
		}
		file, err = source.directory.OpenFile(source.name)
		return err
	})
	if err != nil {
		return err
	}
	defer file.Close()
	draft, err := newDraft(ctx, target.directory)
	if err != nil {
		return err
	}
	defer draft.close()
	if _, err := sendFile(ctx, file, draftWriter{ctx, draft}, 0, math.MaxInt64); err != nil {
		return err
	}
	return step(ctx, func() error {
		if err := setTime(draft.descriptor, file.Stat.Mtim); err != nil {
			return err
		}
		how := manner{like: &file.Stat, mode: file.Stat.Mode & modeBits, ifAbsent: !overwrite}
		if err := draft.commit(target, how); err != nil {
			return err
		}
		// Somebody may have put another file in its place, which was not copied.
		stat, err := source.directory.Stat(source.name)
		if err != nil || identityOf(&stat) != identityOf(&file.Stat) {
			return absentIsFine(err)
		}
		return absentIsFine(unlinkAt(source.directory.descriptor, source.name, 0))
	})
}

func absentIsFine(err error) error {
	if err == syscall.ENOENT {
		return nil
	}
	return err
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

func isDirectory(stat *syscall.Stat_t) bool {
	return stat.Mode&syscall.S_IFMT == syscall.S_IFDIR
}
