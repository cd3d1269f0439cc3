package files

import (
	"context"
	"sort"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	maxListEntries = 100_000
	// statsAtOnce is how many entries are looked at before other calls get their turn.
	statsAtOnce = 256
)

func list(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	directory, names, err := openListed(ctx, path)
	if err != nil {
		return nil, Translate("list", path, err)
	}
	defer directory.Close()
	output := bodyBuffer(call.Writer(ctx))
	defer output.release()
	separator := byte('[')
	for start := 0; start < len(names); start += statsAtOnce {
		end := start + statsAtOnce
		if end > len(names) {
			end = len(names)
		}
		infos, err := infosIn(ctx, directory, path, names[start:end])
		if err != nil {
			return nil, Translate("list", path, err)
		}
		for _, info := range infos {
			if err := output.add(info.AppendJSON([]byte{separator})); err != nil {
				return nil, err
			}
			separator = ','
		}
	}
	end := "]"
	if separator == '[' {
		end = "[]"
	}
	if err := output.add([]byte(end)); err != nil {
		return nil, err
	}
	return nothing{}, output.flush()
}

// openListed reads the names of a directory, in the order of their bytes.
func openListed(ctx context.Context, path string) (directory *Directory, names []string, err error) {
	err = step(ctx, func() (err error) {
		if directory, err = OpenDirectory(path); err != nil {
			return err
		}
		names, err = directory.Names(maxListEntries + 1)
		return err
	})
	if err == nil && len(names) > maxListEntries {
		err = wire.Errorf(wire.TooLarge, "%s has more than %d entries; search it by a pattern", Show(path), maxListEntries)
	}
	if err != nil {
		if directory != nil {
			directory.Close()
		}
		return nil, nil, err
	}
	names = withoutDrafts(names)
	sort.Strings(names)
	return directory, names, nil
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
