package search

import (
	"errors"
	"strings"
	"syscall"

	"carrel-agent/files"
)

const (
	// maxDepth bounds how many directories a walk has open at a time.
	maxDepth = 128
	// maxHeld is how many entries a walk has in memory; one that is in a larger directory reads that
	// directory several times. minHeld is what each level may hold in any case.
	maxHeld = 128 * 1024
	minHeld = 256
	// maxHeldBytes is what the entries may cost; minHeld entries of each level come to that.
	maxHeldBytes = 12 * 1024 * 1024
	// entryCost is what an entry costs beside its bytes.
	entryCost = 48
)

// walk visits the files below a directory that match a pattern, in the order of the bytes of their
// paths. Each directory is opened in the one above it and held open: what is renamed or replaced by
// a link meanwhile leads nowhere else.
type walk struct {
	search  *search
	pattern *globPattern
	// regular leaves out everything but regular files; without it only directories are left out.
	regular bool
	// visit is called for each file, with its name in the directory.
	visit func(directory *files.Directory, path, name string) error

	held      int
	heldBytes int
	buffer    [files.EntriesBuffer]byte
	scratch   position
}

// in walks one directory.
func (w *walk) in(directory *files.Directory, path string, at position, depth int) error {
	for after, more := "", true; more; {
		var found selection
		var err error
		if found, err = w.entries(directory, at, after); err != nil {
			return err
		}
		w.held += len(found.entries)
		w.heldBytes += found.bytes
		for _, entry := range found.entries {
			if name := strings.TrimSuffix(entry, "/"); name != entry {
				err = w.enter(directory, name, files.Join(path, name), at, depth)
			} else if below := files.Join(path, name); len(below) > files.MaxPathBytes {
				w.search.incomplete = true // a path that no other call would take
			} else {
				err = w.visit(directory, below, name)
			}
			if err != nil {
				return err
			}
			after = entry
		}
		w.held -= len(found.entries)
		w.heldBytes -= found.bytes
		more = found.more
	}
	return nil
}

func (w *walk) enter(above *files.Directory, name, path string, at position, depth int) error {
	if depth == maxDepth || len(path) >= files.MaxPathBytes {
		w.search.incomplete = true
		return nil
	}
	var directory *files.Directory
	err := w.search.blocking(func() (err error) {
		directory, err = above.Enter(name)
		return err
	})
	if err != nil {
		return w.search.passOver(err)
	}
	defer directory.Close()
	return w.in(directory, path, w.pattern.advance(nil, at, name), depth+1)
}

// entries gives the next entries of a directory that can lead to a match.
func (w *walk) entries(directory *files.Directory, at position, after string) (selection, error) {
	found := selection{after: after, bound: minHeld}
	found.most = (maxHeldBytes - w.heldBytes) / 2
	if half := (maxHeld - w.held) / 2; half > minHeld {
		found.bound = half
	}
	if after != "" {
		if err := directory.Rewind(); err != nil {
			return found, w.search.passOver(err)
		}
	}
	var err error
	for more := true; more && err == nil; {
		err = w.search.blocking(func() (err error) {
			more, err = directory.Entries(w.buffer[:], func(name []byte, kind files.Kind) {
				if w.wants(at, string(name), kind) {
					found.add(name, kind == files.KindDirectory)
				}
			})
			return err
		})
	}
	found.finish()
	if err != nil {
		err = w.search.passOver(err)
	}
	return found, err
}

func (w *walk) wants(at position, name string, kind files.Kind) bool {
	w.scratch = w.pattern.advance(w.scratch, at, name)
	if kind == files.KindDirectory {
		return w.pattern.canContinue(w.scratch)
	}
	return (kind == files.KindRegular || !w.regular) && w.pattern.isMatch(w.scratch)
}

// passOver goes on behind what may not be read, and what was removed or replaced meanwhile. What
// cannot be read for another reason is told as left out.
func (s *search) passOver(err error) error {
	if stopped := s.stop.Err(); stopped != nil {
		return stopped
	}
	for _, known := range []syscall.Errno{
		syscall.EACCES, syscall.EPERM, syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENXIO,
	} {
		if errors.Is(err, known) {
			return nil
		}
	}
	s.incomplete = true
	return nil
}
