package files

import (
	"context"
	"sync"
	"syscall"
)

const (
	directoryMode = 0o755
	// maxLinks is how many links Linux follows on one path.
	maxLinks = 40
)

// place is where a file stands or may come to stand: a name in a directory that is held, so that
// what was looked at and what is changed are the same whatever is moved meanwhile.
type place struct {
	directory *Directory
	name      string
	// stat is what stands there, when it was last looked at; nil where nothing does. It is no link.
	stat *syscall.Stat_t
}

// findPlace follows links at the end of a path, as opening the file would, to where the file is or
// would be made. With makeParents, directories that are missing on the way there are made.
func findPlace(path string, makeParents bool) (*place, error) {
	base := &Directory{atWorking}
	for links := 0; ; links++ {
		directoryPath, name := split(path)
		directory, err := openParent(base.descriptor, directoryPath, makeParents)
		if links > 0 {
			base.Close()
		}
		if err != nil {
			return nil, err
		}
		found := &place{directory: directory, name: name}
		target, err := found.follow()
		if err == nil && links == maxLinks && target != "" {
			err = syscall.ELOOP
		}
		if err != nil {
			found.close()
			return nil, err
		}
		if target == "" {
			return found, nil
		}
		base, path = directory, target
	}
}

// follow looks at what stands in the place: the target of a link, or "" and stat is set.
func (p *place) follow() (string, error) {
	// What ends in these is a directory, wherever it is.
	if p.name == "" || p.name == "." || p.name == ".." {
		return "", syscall.EISDIR
	}
	for try := 0; try < maxLinks; try++ {
		if err := p.look(); err != nil || p.stat == nil || p.stat.Mode&syscall.S_IFMT != syscall.S_IFLNK {
			return "", err
		}
		p.stat = nil
		target, err := p.directory.ReadLink(p.name)
		// It was a link a moment ago: somebody exchanged it.
		if err != syscall.EINVAL && err != syscall.ENOENT {
			return target, err
		}
	}
	return "", syscall.EAGAIN
}

// look sets stat to what stands in the place, and does not follow a link.
func (p *place) look() error {
	p.stat = nil
	stat, err := p.directory.Stat(p.name)
	if err == nil {
		p.stat = &stat
	}
	if err == syscall.ENOENT {
		return nil
	}
	return err
}

func (p *place) close() { p.directory.Close() }

// openParent holds a directory without the right to read it, which changing it does not need.
func openParent(base int, path string, makeMissing bool) (*Directory, error) {
	directory, err := openDirectory(base, path, openPath)
	if err == syscall.ENOENT && makeMissing {
		return makeDirectories(base, path)
	}
	return directory, err
}

func makeDirectories(base int, path string) (*Directory, error) {
	start := "."
	if path[0] == '/' {
		start, path = "/", path[1:]
	}
	current, err := openDirectory(base, start, openPath)
	for err == nil && path != "" {
		var name string
		if name, path = nextName(path); path != "" {
			path = path[1:]
		}
		if name == "" {
			continue
		}
		var next *Directory
		next, err = current.makeAndEnter(name)
		current.Close()
		current = next
	}
	return current, err
}

// makeAndEnter follows a link at the name. That somebody else makes it meanwhile is fine.
func (d *Directory) makeAndEnter(name string) (*Directory, error) {
	next, err := openDirectory(d.descriptor, name, openPath)
	if err != syscall.ENOENT {
		return next, err
	}
	if err := syscall.Mkdirat(d.descriptor, name, directoryMode); err != nil && err != syscall.EEXIST {
		return nil, err
	}
	return openDirectory(d.descriptor, name, openPath)
}

// locks lets one call at a time change what stands in a place, whatever path it came by.
type locks struct {
	mu   sync.Mutex
	held map[lockKey]chan struct{}
}

type lockKey struct {
	directory identity
	name      string
}

// take waits for the place and gives what frees it again.
func (l *locks) take(ctx context.Context, p *place) (release func(), err error) {
	directory, err := p.directory.identity()
	if err != nil {
		return nil, err
	}
	key := lockKey{directory, p.name}
	for {
		free, taken := l.tryTake(key)
		if taken {
			return func() { l.release(key) }, nil
		}
		select {
		case <-free:
		case <-ctx.Done():
			return nil, aborted()
		}
	}
}

func (l *locks) tryTake(key lockKey) (free <-chan struct{}, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held, busy := l.held[key]; busy {
		return held, false
	}
	if l.held == nil {
		l.held = map[lockKey]chan struct{}{}
	}
	l.held[key] = make(chan struct{})
	return nil, true
}

func (l *locks) release(key lockKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[key])
	delete(l.held, key)
}
