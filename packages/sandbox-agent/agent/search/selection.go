package search

import "sort"

// selection keeps the first entries of a directory behind a certain one, in the order of the bytes
// of the paths. A directory has a slash behind its name: it counts when paths are compared.
type selection struct {
	after   string
	bound   int
	entries []string
	more    bool // entries behind the last one were left out
	bytes   int  // what the entries cost
	most    int  // what they may cost

	key []byte
}

func (s *selection) add(name []byte, directory bool) {
	s.key = append(s.key[:0], name...)
	if directory {
		s.key = append(s.key, '/')
	}
	if string(s.key) <= s.after {
		return
	}
	// Once it was cut, what lies behind the cut needs no memory.
	if s.more && string(s.key) > s.entries[s.bound-1] {
		return
	}
	s.entries = append(s.entries, string(s.key))
	s.bytes += len(s.key) + entryCost
	if s.bytes > s.most && len(s.entries) > minHeld && s.bound > len(s.entries)/2 {
		s.bound = len(s.entries)/2 + 1
	}
	if len(s.entries) >= 2*s.bound || s.bytes > s.most && len(s.entries) > s.bound {
		s.cut()
	}
}

func (s *selection) finish() {
	if len(s.entries) > s.bound {
		s.cut()
		return
	}
	sort.Strings(s.entries)
}

func (s *selection) cut() {
	sort.Strings(s.entries)
	for index := s.bound; index < len(s.entries); index++ {
		s.bytes -= len(s.entries[index]) + entryCost
		s.entries[index] = "" // which would keep it in memory
	}
	s.entries = s.entries[:s.bound]
	s.more = true
}
