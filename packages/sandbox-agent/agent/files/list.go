package files

import (
	"context"
	"io"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	maxListEntries = 100_000
	// statsAtOnce is how many entries are looked at before other calls get their turn.
	statsAtOnce = 256
	// buffersAtOnce is how many buffers of names are read before other calls get their turn.
	buffersAtOnce = 16
)

// listParams asks for a whole directory, or for a page of it: the first names after one.
type listParams struct {
	Path  wire.Bytes `json:"path"`
	Limit *int       `json:"limit"`
	After wire.Bytes `json:"after"` // "" is before every name
}

func (p *listParams) check() error {
	if p.Limit != nil && (*p.Limit < 1 || *p.Limit > maxListEntries) {
		return wire.Errorf(wire.InvalidArgument, "limit is %d and not 1 to %d", *p.Limit, maxListEntries)
	}
	return CheckPath(p.Path)
}

func list(ctx context.Context, call *rpc.Call) (any, error) {
	var params listParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	path := string(params.Path)
	var directory *Directory
	err := step(ctx, func() (err error) {
		directory, err = OpenDirectory(path)
		return err
	})
	if err != nil {
		return nil, Translate("list", path, err)
	}
	defer directory.Close()
	l := &listing{directory: directory, path: path, work: call.Work(), output: newInfoList(call.Writer(ctx))}
	defer l.output.release()
	if params.Limit == nil {
		err = l.whole(ctx, string(params.After))
	} else {
		err = l.page(ctx, string(params.After), *params.Limit)
	}
	if err != nil {
		return nil, Translate("list", path, err)
	}
	return nothing{}, l.output.end()
}

// listing is one answer to `ls`.
type listing struct {
	directory *Directory
	path      string
	work      *rpc.Work
	output    *infoList
}

func (l *listing) whole(ctx context.Context, after string) error {
	found := &smallestNames{limit: maxListEntries, whole: true}
	names, err := l.namesAfter(ctx, after, found)
	if err != nil {
		return err
	}
	if found.overfull {
		return wire.Errorf(wire.TooLarge, "%s has more than %d entries; list it in pages, or search it by a pattern", Show(l.path), maxListEntries)
	}
	_, err = l.tell(ctx, names)
	return err
}

// page reads the directory again as long as entries of the page vanish between their name and the
// look at them, so that only the last page is short.
func (l *listing) page(ctx context.Context, after string, limit int) error {
	for limit > 0 {
		names, err := l.namesAfter(ctx, after, &smallestNames{limit: limit})
		if err != nil {
			return err
		}
		told, err := l.tell(ctx, names)
		l.work.Give(l.work.Held())
		if err != nil || len(names) < limit {
			return err
		}
		after = names[len(names)-1]
		limit -= told
	}
	return nil
}

// namesAfter reads the directory from its start, and gives those of the names after one that found keeps.
func (l *listing) namesAfter(ctx context.Context, after string, found *smallestNames) ([]string, error) {
	if err := l.directory.Rewind(); err != nil {
		return nil, err
	}
	found.work = l.work
	buffer := make([]byte, EntriesBuffer)
	for more := true; more && !found.overfull && found.refused == nil; {
		err := step(ctx, func() (err error) {
			for count := 0; count < buffersAtOnce && more && err == nil; count++ {
				more, err = l.directory.Entries(buffer, func(name []byte, _ Kind) {
					if string(name) > after {
						found.add(name)
					}
				})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found.sorted(), found.refused
}

// tell sends what stands at the names, and counts it: what was removed meanwhile is left out.
func (l *listing) tell(ctx context.Context, names []string) (told int, err error) {
	for start := 0; start < len(names); start += statsAtOnce {
		end := start + statsAtOnce
		if end > len(names) {
			end = len(names)
		}
		infos, err := infosIn(ctx, l.directory, l.path, names[start:end])
		if err != nil {
			return told, err
		}
		for index := range infos {
			if err := l.output.add(&infos[index]); err != nil {
				return told, err
			}
		}
		told += len(infos)
	}
	return told, nil
}

// infosIn leaves out what was removed since its name was read.
func infosIn(ctx context.Context, directory *Directory, path string, names []string) ([]Info, error) {
	infos := make([]Info, 0, len(names))
	err := step(ctx, func() error {
		for _, name := range names {
			stat, err := directory.Stat(name)
			if err == syscall.ENOENT {
				continue
			}
			if err != nil {
				return err
			}
			infos = append(infos, InfoOf(Join(path, name), &stat))
		}
		return nil
	})
	return infos, err
}

// infoList writes a JSON array of Info, one after the other.
type infoList struct {
	*buffered
	separator byte
	element   []byte
}

func newInfoList(target io.Writer) *infoList {
	return &infoList{buffered: bodyBuffer(target), separator: '['}
}

func (o *infoList) add(info *Info) error {
	o.element = info.AppendJSON(append(o.element[:0], o.separator))
	o.separator = ','
	return o.buffered.add(o.element)
}

func (o *infoList) end() error {
	end := "]"
	if o.separator == '[' {
		end = "[]"
	}
	if err := o.buffered.add([]byte(end)); err != nil {
		return err
	}
	return o.flush()
}
