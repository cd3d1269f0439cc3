package files

import (
	"context"
	"io"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

type writeParams struct {
	Path   wire.Bytes  `json:"path"`
	Mode   *uint32     `json:"mode"`
	IfHash expectation `json:"ifHash"`
}

type writeResult struct {
	SizeBytes int64  `json:"sizeBytes"`
	Hash      string `json:"hash"`
	Created   bool   `json:"created"`
}

func (s *service) write(ctx context.Context, call *rpc.Call) (any, error) {
	var params writeParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := CheckPath(params.Path); err != nil {
		return nil, err
	}
	if params.Mode != nil && *params.Mode > modeBits {
		return nil, wire.Errorf(wire.InvalidArgument, "the mode %#o is over 0o7777", *params.Mode)
	}
	result, err := s.writeFile(ctx, params, call.Body(ctx))
	if err != nil {
		return nil, Translate("write", string(params.Path), err)
	}
	return result, nil
}

func (s *service) writeFile(ctx context.Context, params writeParams, content io.Reader) (any, error) {
	target, err := writablePlace(ctx, string(params.Path), true)
	if err != nil {
		return nil, err
	}
	defer target.close()
	draft, err := newDraft(ctx, target.directory)
	if err != nil {
		return nil, err
	}
	defer draft.close()
	if err := draft.fill(ctx, content); err != nil {
		return nil, err
	}
	release, err := s.locks.take(ctx, target)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := target.refresh(ctx); err != nil {
		return nil, err
	}
	if err := params.IfHash.check(ctx, target); err != nil {
		return nil, err
	}
	how := manner{like: target.stat, mode: target.mode(), ifAbsent: params.IfHash.wantsNone()}
	if params.Mode != nil {
		how.mode = *params.Mode
	}
	err = step(ctx, func() error { return draft.commit(target, how) })
	if how.ifAbsent && err == syscall.EEXIST {
		return nil, conflict(target.name, "exists")
	}
	if err != nil {
		return nil, err
	}
	return writeResult{draft.size, draft.sum(), target.stat == nil}, nil
}

// writablePlace is where a file can be written: what stands there is one that this user may write.
func writablePlace(ctx context.Context, path string, makeParents bool) (target *place, err error) {
	err = step(ctx, func() (err error) {
		if target, err = findPlace(path, makeParents); err != nil {
			return err
		}
		if err = target.requireWritable(); err != nil {
			target.close()
		}
		return err
	})
	return target, err
}

func (p *place) requireWritable() error {
	if p.stat == nil {
		return nil
	}
	if err := requireRegular(p.stat); err != nil {
		return err
	}
	// A rename would replace a file also where its user took away the right to write it.
	return syscall.Faccessat(p.directory.descriptor, p.name, writeAccess, 0)
}

// refresh looks again at what stands in a place, once it is locked.
func (p *place) refresh(ctx context.Context) error {
	return step(ctx, func() error {
		target, err := p.follow()
		if err != nil {
			return err
		}
		if target != "" {
			return conflict(p.name, "has become a link")
		}
		return p.requireWritable()
	})
}

// mode is that of the file that a write replaces.
func (p *place) mode() uint32 {
	if p.stat == nil {
		return fileMode
	}
	return p.stat.Mode & modeBits
}

// fill takes content to its end. Where it breaks off before, the error is io.ErrUnexpectedEOF's.
func (d *draft) fill(ctx context.Context, content io.Reader) error {
	block := takeBlock()
	defer giveBlock(block)
	for {
		count, err := fillBlock(content, block)
		if err != nil && err != io.EOF {
			return broken(err)
		}
		if count > 0 {
			if err := d.add(ctx, block[:count]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// fillBlock is io.ReadFull, which would make one error of a body that ends and one that breaks off.
func fillBlock(content io.Reader, block *block) (filled int, err error) {
	for filled < len(block) && err == nil {
		var count int
		count, err = content.Read(block[filled:])
		filled += count
	}
	return filled, err
}

// broken is the error of a body that did not come to its end.
func broken(err error) error {
	if err == io.ErrUnexpectedEOF {
		return aborted()
	}
	return err
}
