package files

import (
	"strings"
	"syscall"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	// openLevels is how many directories one walk holds open, however deep it is.
	openLevels = 32
	// maxPending is how many names one walk keeps; what they cost is counted as well.
	maxPending = 1_000_000
	// levelCost is what a level costs beside its name.
	levelCost = 128
)

// trail is the way from a directory down to the one that is being worked in. It goes by descriptors
// and single names: no path is too long for it, no link is followed, and whoever moves directories
// meanwhile cannot lead it elsewhere.
type trail struct {
	levels  []level
	pending int
	work    *rpc.Work
}

type level struct {
	directory *Directory // nil while its descriptor is given back
	identity  identity
	name      string
	names     []string // that are still to be visited
}

// newTrail begins in a directory, which stays open and the caller's own. The work counts what the
// trail holds.
func newTrail(start *Directory, name string, work *rpc.Work) (*trail, error) {
	t := &trail{work: work, levels: []level{{directory: start}}}
	return t, t.expect(name)
}

func (t *trail) top() *level { return &t.levels[len(t.levels)-1] }

func (t *trail) depth() int { return len(t.levels) - 1 }

// next takes a name that is to be visited off the directory that is worked in.
func (t *trail) next() (name string, ok bool) {
	top := t.top()
	if len(top.names) == 0 {
		return "", false
	}
	last := len(top.names) - 1
	name, top.names = top.names[last], top.names[:last]
	t.pending--
	t.work.Give(costOf(name))
	return name, true
}

// expect adds names to be visited in the directory that is worked in, the last of them first.
func (t *trail) expect(names ...string) error {
	if err := t.work.Take(costOf(names...)); err != nil {
		return err
	}
	return t.expectTaken(names)
}

// expectTaken is expect for names whose cost was taken when they were read.
func (t *trail) expectTaken(names []string) error {
	t.pending += len(names)
	if t.pending > maxPending {
		return wire.Errorf(wire.TooLarge, "more than %d entries are in the directories down to %s", maxPending, Show(t.path("")))
	}
	t.top().names = append(t.top().names, names...)
	return nil
}

// enter goes into a directory in the one that is worked in.
func (t *trail) enter(name string, directory *Directory) error {
	id, err := directory.identity()
	if err == nil {
		err = t.work.Take(len(name) + levelCost)
	}
	if err != nil {
		directory.Close()
		return err
	}
	t.levels = append(t.levels, level{directory: directory, identity: id, name: name})
	// The first one is not given back: it may be one that cannot be opened for reading again.
	distant := len(t.levels) - 1 - openLevels
	if distant > 0 && t.levels[distant].directory != nil {
		t.levels[distant].directory.Close()
		t.levels[distant].directory = nil
	}
	return nil
}

// leave goes back to the directory above, and tells the name of the one that was left. Where that
// was moved elsewhere meanwhile, the walk cannot go on.
func (t *trail) leave() (string, error) {
	left, above := t.top(), &t.levels[len(t.levels)-2]
	if above.directory == nil {
		directory, err := openDirectory(left.directory.descriptor, "..", syscall.O_RDONLY)
		if err != nil {
			return "", err
		}
		id, err := directory.identity()
		if err == nil && id != above.identity {
			err = wire.Errorf(wire.Unavailable, "%s was moved meanwhile; try again", Show(t.path("")))
		}
		if err != nil {
			directory.Close()
			return "", err
		}
		above.directory = directory
	}
	name := left.name
	t.work.Give(len(name) + levelCost)
	left.directory.Close()
	t.levels = t.levels[:len(t.levels)-1]
	return name, nil
}

// path is that of a name in the directory that is worked in, from below the one where the trail
// began; of that directory itself, where the name is empty.
func (t *trail) path(name string) string {
	names := make([]string, 0, len(t.levels))
	for _, level := range t.levels[1:] {
		names = append(names, level.name)
	}
	if name != "" {
		names = append(names, name)
	}
	return strings.Join(names, "/")
}

// close gives back all that the trail opened.
func (t *trail) close() {
	for _, level := range t.levels[1:] {
		if level.directory != nil {
			level.directory.Close()
		}
	}
}
