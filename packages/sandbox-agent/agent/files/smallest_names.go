package files

import (
	"sort"

	"carrel-agent/rpc"
)

// gatheredNames is how many names more than wanted are gathered at least before the largest of them
// are dropped: a sort for each few names would cost more than their memory.
const gatheredNames = 1024

// smallestNames keeps the first names of a directory in the order of their bytes, however many the
// directory has: never more than a quarter more than are wanted, and a thousand.
type smallestNames struct {
	limit int
	// whole says that more names than the limit are of no use: overfull then tells that there are more.
	whole    bool
	overfull bool

	names []string
	full  bool // names[limit-1] was the largest of those that are wanted, when they were last sorted
	bound string

	work    *rpc.Work // counts what the names cost
	refused error     // by the work
}

func (s *smallestNames) add(name []byte) {
	if s.refused != nil || s.full && string(name) >= s.bound {
		return
	}
	if s.whole && len(s.names) == s.limit {
		s.overfull = true
		return
	}
	if s.refused = s.work.Take(len(name) + nameCost); s.refused != nil {
		return
	}
	s.names = append(s.names, string(name))
	slack := s.limit / 4
	if slack < gatheredNames {
		slack = gatheredNames
	}
	if len(s.names) >= s.limit+slack {
		s.sorted()
		s.full, s.bound = true, s.names[s.limit-1]
	}
}

// sorted gives the names that are wanted, in their order.
func (s *smallestNames) sorted() []string {
	sort.Strings(s.names)
	if len(s.names) > s.limit {
		s.work.Give(costOf(s.names[s.limit:]...))
		for index := s.limit; index < len(s.names); index++ {
			s.names[index] = "" // which would keep a name in memory
		}
		s.names = s.names[:s.limit]
	}
	return s.names
}
