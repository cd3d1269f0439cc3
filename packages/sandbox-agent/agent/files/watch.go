package files

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	maxWatches = 8192
	// gatherTime is how long changes are gathered, so that a file that is written to all the time is
	// told of a few times a second.
	gatherTime = 25 * time.Millisecond
	// maxGathered is how many changes are told one by one; more are one change of the whole tree.
	maxGathered = 4096
	// eventCost is what a gathered change costs beside its path.
	eventCost = 160
)

type fileEvent struct {
	Type string     `json:"type"`
	Path wire.Bytes `json:"path"`
}

const (
	created = "created"
	changed = "changed"
	removed = "removed"
)

// watching is one watch of a tree: every directory in it is watched, also those that come later.
type watching struct {
	root    string
	changes *inotify
	events  []fileEvent
	last    map[string]string // the type that was gathered last for a path
	all     bool              // anything may have changed: what is gathered says so
	ended   bool              // the root is gone

	gathered int // what the events cost
	work     *rpc.Work
}

func watch(ctx context.Context, call *rpc.Call) (any, error) {
	root, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	changes, err := newInotify(call.Work())
	if err != nil {
		return nil, Translate("watch", root, err)
	}
	defer changes.close()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-ctx.Done():
			changes.close() // which ends a read
		case <-over:
		}
	}()
	w := &watching{root: root, changes: changes, work: call.Work()}
	err = w.begin(ctx)
	for err == nil {
		err = w.gather(ctx)
		for _, event := range w.events {
			if err := call.Event(ctx, event); err != nil {
				return nil, err
			}
		}
		if err == nil && w.ended {
			err = wire.Errorf(wire.NotFound, "%s, which was watched, is gone", Show(root))
		}
	}
	if ctx.Err() != nil {
		return nil, aborted()
	}
	return nil, Translate("watch", root, err)
}

// begin watches the tree as it is.
func (w *watching) begin(ctx context.Context) error {
	err := step(ctx, func() error { return w.changes.add(w.root, watchedChanges|watchedEnd) })
	if err != nil {
		return err
	}
	return w.addBelow(ctx, w.root, false)
}

// addBelow watches the directories below one that is watched. With tell, all that is in them is told
// as created: it may have come before the watch did.
func (w *watching) addBelow(ctx context.Context, path string, tell bool) error {
	for waiting := []string{path}; len(waiting) > 0; {
		path, waiting = waiting[len(waiting)-1], waiting[:len(waiting)-1]
		var below []string
		err := step(ctx, func() (err error) {
			below, err = w.addIn(path, tell)
			return err
		})
		if err != nil {
			return err
		}
		if waiting = append(waiting, below...); len(waiting) > maxWatches {
			return w.tooMany()
		}
	}
	return nil
}

// addIn watches the directories in one, and gives their paths. What vanished meanwhile, may not be
// read or has a path that nobody can name is passed over.
func (w *watching) addIn(path string, tell bool) (below []string, err error) {
	flags := syscall.O_RDONLY
	if path != w.root {
		flags |= syscall.O_NOFOLLOW
	}
	directory, err := openDirectory(atWorking, path, flags)
	if err != nil {
		return nil, nil
	}
	defer directory.Close()
	for {
		names, err := directory.Names(entriesAtOnce)
		if err != nil || len(names) == 0 {
			return below, nil
		}
		for _, name := range names {
			child := Join(path, name)
			if len(child) > MaxPathBytes || IsDraft(name) {
				continue
			}
			if tell {
				w.tell(created, child)
			}
			stat, err := directory.Stat(name)
			if err != nil || !isDirectory(&stat) {
				continue
			}
			watched, err := w.add(child)
			if err != nil {
				return nil, err
			}
			if watched {
				below = append(below, child)
			}
		}
	}
}

// add watches one directory below the root; false where it is passed over.
func (w *watching) add(path string) (bool, error) {
	if len(w.changes.paths) >= maxWatches {
		return false, w.tooMany()
	}
	err := w.changes.add(path, watchedChanges|syscall.IN_DONT_FOLLOW)
	var known *wire.Error
	if errors.As(err, &known) {
		return false, err
	}
	return err == nil, nil
}

func (w *watching) tooMany() error {
	return wire.Errorf(wire.TooLarge, "%s has more than %d directories below it; watch one of them", Show(w.root), maxWatches)
}

// gather waits for a change, then takes those that come shortly after it.
func (w *watching) gather(ctx context.Context) error {
	w.empty()
	until := time.Time{}
	for !w.ended {
		changes, err := w.changes.read(until)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if until.IsZero() {
			until = time.Now().Add(gatherTime)
		}
		for _, change := range changes {
			if err := w.apply(ctx, change); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *watching) apply(ctx context.Context, change change) error {
	if change.mask&syscall.IN_Q_OVERFLOW != 0 {
		return w.lost(ctx)
	}
	directory, ok := w.changes.paths[change.number]
	switch {
	case !ok:
		return nil
	case change.mask&watchedEnd != 0:
		w.ended = true
		w.tell(removed, w.root)
		return nil
	case change.mask&syscall.IN_IGNORED != 0:
		w.changes.forget(change.number)
		return nil
	case change.name == "" || IsDraft(change.name):
		return nil
	}
	path := Join(directory, change.name)
	if len(path) > MaxPathBytes {
		return nil
	}
	isDirectory := change.mask&syscall.IN_ISDIR != 0
	switch {
	case change.mask&(syscall.IN_DELETE|syscall.IN_MOVED_FROM) != 0:
		// Of a directory that is removed the kernel ends the watch; one that is moved it follows.
		if isDirectory && change.mask&syscall.IN_MOVED_FROM != 0 {
			w.dropTree(path)
		}
		w.tell(removed, path)
	case change.mask&(syscall.IN_CREATE|syscall.IN_MOVED_TO) != 0:
		w.tell(created, path)
		if isDirectory {
			return w.addTree(ctx, path)
		}
	default:
		w.tell(changed, path)
	}
	return nil
}

// lost begins anew: the kernel had more to tell than it keeps, new directories may be among it.
func (w *watching) lost(ctx context.Context) error {
	w.tellAll()
	w.dropTree(w.root)
	return w.begin(ctx)
}

func (w *watching) addTree(ctx context.Context, path string) error {
	watched := false
	err := step(ctx, func() (err error) {
		watched, err = w.add(path)
		return err
	})
	if err != nil || !watched {
		return err
	}
	return w.addBelow(ctx, path, true)
}

// dropTree ends the watches of a directory that was moved or removed, and of all below it.
func (w *watching) dropTree(path string) {
	for number, watched := range w.changes.paths {
		if watched == path || strings.HasPrefix(watched, Join(path, "")) {
			w.changes.remove(number)
		}
	}
}

// tell gathers an event. The same once more, or a change of what was just made, says nothing new.
func (w *watching) tell(kind, path string) {
	if w.all && !w.ended {
		return
	}
	if len(w.events) >= maxGathered {
		w.tellAll()
		return
	}
	last, told := w.last[path]
	if told && (last == kind || last == created && kind == changed) {
		return
	}
	cost := len(path) + eventCost
	if w.work.Take(cost) != nil {
		w.tellAll()
		return
	}
	w.gathered += cost
	w.last[path] = kind
	w.events = append(w.events, fileEvent{kind, wire.Bytes(path)})
}

// empty forgets what was gathered.
func (w *watching) empty() {
	w.work.Give(w.gathered)
	w.events, w.last, w.all, w.gathered = nil, map[string]string{}, false, 0
}

// tellAll tells that anything may have changed, in place of what was gathered.
func (w *watching) tellAll() {
	w.empty()
	w.events = []fileEvent{{changed, wire.Bytes(w.root)}}
	w.all = true
}
