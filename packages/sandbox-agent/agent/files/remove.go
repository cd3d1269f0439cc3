package files

import (
	"context"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	// entriesAtOnce is how many names of a directory are read before they are worked on.
	entriesAtOnce = 4096
	// maxRefills is how often directories may be found filled again, or exchanged, by somebody else.
	maxRefills = 100
)

type removeParams struct {
	Path      wire.Bytes `json:"path"`
	Recursive bool       `json:"recursive"`
}

type removeResult struct {
	Removed bool `json:"removed"`
}

func remove(ctx context.Context, call *rpc.Call) (any, error) {
	var params removeParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := CheckPath(params.Path); err != nil {
		return nil, err
	}
	path := string(params.Path)
	if path == "/" {
		return nil, invalidPath(path, "itself cannot be removed; name something in it")
	}
	removed, err := removePath(ctx, path, params.Recursive, call.Work())
	if err != nil {
		return nil, Translate("remove", path, err)
	}
	return removeResult{removed}, nil
}

func removePath(ctx context.Context, path string, recursive bool, work *rpc.Work) (bool, error) {
	parentPath, name := split(path)
	var parent *Directory
	err := step(ctx, func() (err error) {
		if parent, err = openParent(atWorking, parentPath, false); err != nil {
			return err
		}
		return parent.removeOne(name)
	})
	if parent != nil {
		defer parent.Close()
	}
	if Missing(err) {
		return false, nil
	}
	if err == syscall.ENOTEMPTY && recursive {
		err = removeTree(ctx, parent, name, work)
	}
	return err == nil, err
}

// removeOne removes anything but a directory with something in it, which is ENOTEMPTY.
func (d *Directory) removeOne(name string) (err error) {
	for try := 0; try < maxRefills; try++ {
		if err = unlinkAt(d.descriptor, name, 0); err != syscall.EISDIR {
			return err
		}
		// A mount point is EBUSY also where it has something in it, so that nothing of that is lost.
		err = unlinkAt(d.descriptor, name, atRemoveDirectory)
		if err == syscall.EEXIST {
			return syscall.ENOTEMPTY
		}
		// It was a directory a moment ago: somebody exchanged it.
		if err != syscall.ENOTDIR {
			return err
		}
	}
	return syscall.EAGAIN
}

// removal empties directories from below. A directory that was emptied is visited once more, in the
// one above: then it can be removed, or somebody has filled it again.
type removal struct {
	trail   *trail
	left    string // the directory that was left last
	refills int
}

func removeTree(ctx context.Context, parent *Directory, name string, work *rpc.Work) error {
	trail, err := newTrail(parent, name, work)
	if err != nil {
		return err
	}
	r := &removal{trail: trail}
	defer r.trail.close()
	for done := false; !done; {
		err := step(ctx, func() (err error) {
			done, err = r.next()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *removal) next() (done bool, err error) {
	name, ok := r.trail.next()
	if !ok {
		if r.trail.depth() == 0 {
			return true, nil
		}
		return false, r.goOn()
	}
	refilled := name == r.left
	r.left = ""
	directory := r.trail.top().directory
	err = directory.removeOne(name)
	if err == nil || err == syscall.ENOENT {
		return false, nil
	}
	if err != syscall.ENOTEMPTY {
		return false, Translate("remove", r.trail.path(name), err)
	}
	child, err := directory.Enter(name)
	exchanged := err == syscall.ENOTDIR || err == syscall.ELOOP
	if refilled || exchanged {
		r.refills++
	}
	switch {
	case err == syscall.ENOENT:
		return false, nil
	case r.refills > maxRefills:
		err = wire.Errorf(wire.IsDirectory, "cannot remove %s: it is filled again and again", Show(r.trail.path(name)))
	case exchanged:
		return false, r.trail.expect(name)
	case err == nil:
		return false, r.trail.enter(name, child)
	}
	if child != nil {
		child.Close()
	}
	return false, Translate("remove", r.trail.path(name), err)
}

// goOn reads what else is in the directory that is worked in, or leaves it.
func (r *removal) goOn() error {
	directory := r.trail.top().directory
	if err := directory.rewind(); err != nil {
		return err
	}
	names, err := directory.Names(entriesAtOnce)
	if err != nil {
		return Translate("remove", r.trail.path(""), err)
	}
	if len(names) > 0 {
		return r.trail.expect(names...)
	}
	if r.left, err = r.trail.leave(); err != nil {
		return err
	}
	return r.trail.expect(r.left)
}
