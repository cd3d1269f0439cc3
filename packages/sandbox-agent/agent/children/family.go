package children

import (
	"os"
	"syscall"
)

// family is a child and what descends from it, as far as it was found. A process belongs to it that
//   - has a member as parent,
//   - is in the session of a member: sessions are inherited and cannot be joined,
//   - fell to this program as an orphan, and has the child's mark in its environment,
//   - fell to this program as an orphan, has nobody's mark, is in no other child's session, and began
//     after the child did.
//
// A number is only the same process with the same start.
type family struct {
	child    *Child
	start    uint64 // of the child
	self     int
	members  map[int]uint64 // by number, their start
	sessions map[int]bool   // that only members are in
	suspects map[int]uint64 // orphans that were stopped to be looked at
	cleared  map[int]uint64 // orphans that belong to others
	reader   *procReader
}

func newFamily(child *Child) *family {
	f := &family{
		child:    child,
		start:    child.start,
		self:     os.Getpid(),
		sessions: map[int]bool{},
		suspects: map[int]uint64{},
		cleared:  map[int]uint64{},
		reader:   newProcReader(environmentSize),
	}
	now, ok := f.reader.stat(child.pid)
	if ok && f.start == 0 && child.reaper.isKnown(child.pid) {
		// It could not be read when the child began. The number is the child's until it is reaped.
		f.start = now.start
	}
	f.members = map[int]uint64{child.pid: f.start}
	// Where the child ended long ago its number may be another process's by now, and its session's.
	if !ok || now.start == f.start {
		f.sessions[child.pid] = true
	}
	return f
}

// found is what one look through all processes gives: the members that live, and how many processes
// were stopped in it, and how many of those before have not come to a stop yet: one that was in
// the middle of a fork has another child first.
type found struct {
	alive   []proc
	fresh   int
	pending int
}

func (r found) isEmpty() bool { return len(r.alive) == 0 && r.fresh == 0 && r.pending == 0 }

// stop looks through all processes once, and stops the members and the suspects that were not found
// before. Nothing in it waits for a process: one that forks without end would hold the reader of its
// environment up for as long.
func (f *family) stop() found {
	f.child.reaper.scanning.Lock()
	defer f.child.reaper.scanning.Unlock()
	var result found
	var others []proc
	f.reader.refused = false
	processes, err := Processes()
	for _, pid := range processes {
		p, ok := f.reader.stat(pid)
		switch {
		case !ok || p.isDead() || f.isForeign(p):
		case is(f.members, p):
			result.alive = append(result.alive, p)
			if p.isRunning() {
				result.pending++
			}
		case f.isRelative(p):
			f.admit(p)
			result.take(p)
		case p.parent == f.self:
			f.examine(p, &result)
		default:
			others = append(others, p)
		}
	}
	// What was looked at before its parent was known.
	for grown := true; grown; {
		grown = false
		rest := others[:0]
		for _, other := range others {
			if f.isRelative(other) {
				f.admit(other)
				result.take(other)
				grown = true
			} else {
				rest = append(rest, other)
			}
		}
		others = rest
	}
	if err != nil || f.reader.refused {
		// What could not be looked at may be a member.
		result.pending++
	}
	return result
}

func (r *found) take(p proc) {
	r.alive = append(r.alive, p)
	r.fresh++
}

// is tells whether a process is among those that are noted by number and start.
func is(noted map[int]uint64, p proc) bool {
	start, ok := noted[p.pid]
	return ok && start == p.start
}

// isForeign: this program, what is older than the child, and the other children.
func (f *family) isForeign(p proc) bool {
	return p.pid == f.self || p.start < f.start ||
		p.pid != f.child.pid && p.parent == f.self && f.child.reaper.isKnown(p.pid)
}

func (f *family) isRelative(p proc) bool {
	if f.sessions[p.session] {
		return true
	}
	start, ok := f.members[p.parent]
	if !ok || p.start < start {
		return false
	}
	parent, ok := f.reader.stat(p.parent)
	return ok && parent.start == start
}

// examine decides of an orphan by its environment, which only one that is stopped shows for sure: a
// process between two programs has none.
func (f *family) examine(p proc, result *found) {
	switch {
	case is(f.cleared, p):
	case p.isStopped():
		f.decide(p, result)
	case is(f.suspects, p):
		result.pending++
	case f.suspect(p):
		result.fresh++
	}
}

// suspect excludes that others start a child or that one is reaped: then every child of this program
// that is not known is an orphan.
func (f *family) suspect(p proc) bool {
	f.child.reaper.forks.Lock()
	defer f.child.reaper.forks.Unlock()
	now, ok := f.reader.stat(p.pid)
	if !ok || now.start != p.start || f.child.reaper.isKnown(p.pid) {
		return false
	}
	f.suspects[p.pid] = p.start
	signalProc(p, syscall.SIGSTOP)
	return true
}

// decide: one that hides its environment, as a program may, has no mark.
func (f *family) decide(p proc, result *found) {
	environment, _ := f.reader.file(p.pid, "environ")
	own, other := marks(environment, f.child.mark, f.child.reaper.options.Instance)
	if !own && (other || f.child.reaper.isKnown(p.session)) {
		f.cleared[p.pid] = p.start
		f.letGo(p)
		return
	}
	if own {
		f.sessions[p.session] = true
	}
	delete(f.suspects, p.pid)
	f.admit(p)
	result.take(p)
}

// letGo continues what was stopped only to be looked at.
func (f *family) letGo(p proc) {
	if is(f.suspects, p) {
		delete(f.suspects, p.pid)
		signalProc(p, syscall.SIGCONT)
	}
}

// release lets every suspect go that was not decided of.
func (f *family) release() {
	for pid := range f.suspects {
		if p, ok := f.reader.stat(pid); ok {
			f.letGo(p)
		}
	}
}

// admit stops a new member. An orphan without a mark may be in the session that another command left,
// so a session is taken for the family's where its leader or someone with the mark is a member.
func (f *family) admit(p proc) {
	f.members[p.pid] = p.start
	if p.session == p.pid {
		f.sessions[p.session] = true
	}
	signalProc(p, syscall.SIGSTOP)
	if f.sessions[p.session] {
		// In one step for the whole group: one that forks and exits is always in it.
		_ = syscall.Kill(-p.group, syscall.SIGSTOP)
	}
}

// signalProc: a process that is gone meanwhile needs no signal.
func signalProc(p proc, signal syscall.Signal) { _ = syscall.Kill(p.pid, signal) }
