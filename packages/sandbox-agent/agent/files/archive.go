package files

import (
	"archive/tar"
	"context"
	"io"
	"sort"
	"syscall"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// maxTarName bounds a name in a tar. Trees can be deeper; the names of one would be quadratic in its depth.
const maxTarName = 64 * 1024

func archive(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	output := bodyBuffer(call.Writer(ctx))
	defer output.release()
	err = pack(ctx, path, output, call.Work())
	if err == nil {
		err = output.flush()
	}
	if err != nil {
		return nil, Translate("pack", path, err)
	}
	return nothing{}, nil
}

// packing writes a tree as a tar while others change it: what vanishes or turns into something else
// is left out, and a file has the length that its header says.
type packing struct {
	ctx    context.Context
	trail  *trail
	writer *tar.Writer
}

func pack(ctx context.Context, path string, output io.Writer, work *rpc.Work) error {
	parentPath, name := split(path)
	if name == "" {
		name = "."
	}
	var parent *Directory
	err := step(ctx, func() (err error) {
		parent, err = openParent(atWorking, parentPath, false)
		return err
	})
	if err != nil {
		return absent(err)
	}
	defer parent.Close()
	trail, err := newTrail(parent, name, work)
	if err != nil {
		return err
	}
	p := &packing{ctx: ctx, trail: trail, writer: tar.NewWriter(output)}
	defer p.trail.close()
	if err := p.first(); err != nil {
		return absent(err)
	}
	for {
		done, err := p.next()
		if err != nil {
			return err
		}
		if done {
			return p.writer.Close()
		}
	}
}

// first packs what the path names, and follows it where that is a link.
func (p *packing) first() error {
	name, _ := p.trail.next()
	directory := p.trail.top().directory
	var child *Directory
	var file *File
	err := step(p.ctx, func() (err error) {
		if child, err = openDirectory(directory.descriptor, name, syscall.O_RDONLY); err == syscall.ENOTDIR {
			file, err = openFile(directory.descriptor, name, 0)
		}
		return err
	})
	if err != nil {
		return err
	}
	if file != nil {
		return p.file(name, file)
	}
	return p.directory(name, child)
}

// next packs one entry, or goes back to the directory above.
func (p *packing) next() (done bool, err error) {
	name, ok := p.trail.next()
	if !ok {
		if p.trail.depth() == 0 {
			return true, nil
		}
		return false, step(p.ctx, func() error {
			_, err := p.trail.leave()
			return err
		})
	}
	err = p.entry(name)
	if changedMeanwhile(err) {
		return false, nil
	}
	return false, Translate("pack", p.trail.path(name), err)
}

// changedMeanwhile tells that an entry is no longer what it was when it was looked at.
func changedMeanwhile(err error) bool {
	return Missing(err) || err == syscall.EISDIR || err == syscall.ELOOP || err == syscall.ENXIO || err == syscall.EINVAL
}

func (p *packing) entry(name string) error {
	directory := p.trail.top().directory
	var stat syscall.Stat_t
	var child *Directory
	var file *File
	var target string
	err := step(p.ctx, func() (err error) {
		if stat, err = directory.Stat(name); err != nil {
			return err
		}
		switch stat.Mode & syscall.S_IFMT {
		case syscall.S_IFDIR:
			child, err = directory.Enter(name)
		case syscall.S_IFREG:
			file, err = directory.OpenFile(name)
		case syscall.S_IFLNK:
			target, err = directory.ReadLink(name)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case child != nil:
		return p.directory(name, child)
	case file != nil:
		return p.file(name, file)
	case target != "":
		return p.header(name, &stat, tar.TypeSymlink, target)
	}
	return nil // a FIFO, socket or device
}

func (p *packing) directory(name string, child *Directory) error {
	var stat syscall.Stat_t
	var names []string
	err := step(p.ctx, func() (err error) {
		if err = syscall.Fstat(child.descriptor, &stat); err != nil {
			return err
		}
		names, err = readNames(child, p.trail.work)
		return err
	})
	if err == nil {
		err = p.header(name, &stat, tar.TypeDir, "")
	}
	if err != nil {
		child.Close()
		return err
	}
	if err := p.trail.enter(name, child); err != nil {
		return err
	}
	names = withoutDrafts(names)
	sort.Sort(sort.Reverse(sort.StringSlice(names)))
	return p.trail.expectTaken(names)
}

func (p *packing) file(name string, file *File) error {
	defer file.Close()
	if err := p.header(name, &file.Stat, tar.TypeReg, ""); err != nil {
		return err
	}
	size := file.Stat.Size
	sent, err := sendFile(p.ctx, file, p.writer, 0, size)
	if err == nil {
		err = p.pad(size - sent)
	}
	// Once its header is out, an entry cannot be left out any more.
	return Translate("read", p.trail.path(name), err)
}

// pad makes up for what a file lost while it was read.
func (p *packing) pad(missing int64) error {
	if missing == 0 {
		return nil
	}
	zeros := takeBlock()
	defer giveBlock(zeros)
	*zeros = block{}
	for missing > 0 {
		count := within(missing, 0, int64(len(zeros)))
		if _, err := p.writer.Write(zeros[:count]); err != nil {
			return err
		}
		missing -= count
	}
	return nil
}

func (p *packing) header(name string, stat *syscall.Stat_t, kind byte, target string) error {
	path := p.trail.path(name)
	if len(path) > maxTarName {
		return wire.Errorf(wire.TooLarge, "the path %s is longer than the %d bytes that are packed", Show(path), maxTarName)
	}
	// No owner: it means nothing outside, and large uids take a kilobyte more for each entry.
	header := &tar.Header{
		Name:     path,
		Typeflag: kind,
		Linkname: target,
		Mode:     int64(stat.Mode & modeBits),
		ModTime:  time.UnixMilli(timeMs(stat.Mtim)).Truncate(time.Second), // rounded, it may be to come
	}
	if kind == tar.TypeDir {
		header.Name += "/"
	}
	if kind == tar.TypeReg {
		header.Size = stat.Size
	}
	return p.writer.WriteHeader(header)
}
