package children

import (
	"os"
	"syscall"
)

// family is a child and what descends from it, as far as it was found. A process belongs to it that
//   - has a member as parent,
//   - is in the session of a member: sessions are inherited and cannot be joined,
//   - has the child's mark in its environment,
//   - fell to this program as an orphan, has nobody's mark, is in no other child's session, and began
//     after the child did.
//
// A number is only the same process with the same start.
type family struct {
	child    *Child
	self     int
	members  map[int]uint64 // by number, their start
	sessions map[int]bool   // that only members are in
	reader   *procReader
}

func newFamily(child *Child) *family {
	return &family{
		child:    child,
		self:     os.Getpid(),
		members:  map[int]uint64{child.pid: child.start},
		sessions: map[int]bool{child.pid: true},
		reader:   newProcReader(environmentSize),
	}
}

// stop looks through all processes once and stops the members that were not found before. It gives
// how many those were, and every member that lives.
func (f *family) stop() (fresh int, alive []proc) {
	f.child.reaper.scanning.Lock()
	defer f.child.reaper.scanning.Unlock()
	var others []proc
	for _, pid := range pids() {
		found, ok := f.reader.stat(pid)
		switch {
		case !ok || found.isDead() || f.isForeign(found):
		case f.isMember(found):
			alive = append(alive, found)
		case f.joins(found):
			fresh++
			alive = append(alive, found)
		default:
			others = append(others, found)
		}
	}
	// What was looked at before its parent was known.
	for grown := true; grown; {
		grown = false
		rest := others[:0]
		for _, other := range others {
			if !f.isRelative(other) {
				rest = append(rest, other)
				continue
			}
			f.admit(other)
			fresh++
			grown = true
			alive = append(alive, other)
		}
		others = rest
	}
	return fresh, alive
}

func (f *family) isMember(p proc) bool {
	start, ok := f.members[p.pid]
	return ok && start == p.start
}

// isForeign: this program, what is older than the child, and the other children.
func (f *family) isForeign(p proc) bool {
	return p.pid == f.self || p.start < f.child.start ||
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

// joins admits a process that belongs to the family.
func (f *family) joins(p proc) bool {
	if f.isRelative(p) {
		f.admit(p)
		return true
	}
	environment, err := f.reader.file(p.pid, "environ")
	own, other := marks(environment, f.child.mark, f.child.reaper.options.Instance)
	if own {
		f.sessions[p.session] = true
		f.admit(p)
		return true
	}
	betweenPrograms := err == nil && len(environment) == 0 && !p.environment
	if other || betweenPrograms || p.parent != f.self {
		return false
	}
	// One that hides its environment, as a program may, has no mark.
	return f.joinsAsOrphan(p)
}

// joinsAsOrphan excludes that others start a child or that one is reaped: then every child of this
// program that is not known is an orphan.
func (f *family) joinsAsOrphan(p proc) bool {
	f.child.reaper.forks.Lock()
	defer f.child.reaper.forks.Unlock()
	now, ok := f.reader.stat(p.pid)
	if !ok || now.start != p.start || f.child.reaper.isKnown(p.pid) || f.child.reaper.isKnown(p.session) {
		return false
	}
	f.admit(p)
	return true
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
