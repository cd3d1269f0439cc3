package search

import (
	"strings"

	"carrel-agent/wire"
)

const (
	maxPatternBytes  = 4096
	maxAlternatives  = 1000
	maxExpandedBytes = 256 * 1024
)

// globPattern is a glob that is matched name by name on the way down a tree, so that a walk enters
// only directories that can lead to a match.
type globPattern struct {
	// The segments of all alternatives that the braces stand for, each with its end behind it.
	segments []segment
	starts   position
	hidden   bool
}

type segmentKind uint8

const (
	nameSegment segmentKind = iota
	deepSegment             // `**`, which any number of directories match
	endSegment
)

type segment struct {
	kind segmentKind
	name namePattern
}

// position is where a walk stands: the segments that the next name may match, in ascending order.
type position []int32

// What a segment, a part of a name and a range of characters cost, in slices that grow by doubling.
const (
	segmentCost = 128
	tokenCost   = 160
	rangeCost   = 16
)

// cost is about what the pattern takes in memory.
func (g *globPattern) cost() int {
	total := 0
	for _, segment := range g.segments {
		total += segmentCost + len(segment.name.text) + tokenCost*cap(segment.name.tokens)/2
		for _, token := range segment.name.tokens {
			total += rangeCost * (cap(token.class.ranges) + cap(token.class.named))
		}
	}
	return total
}

// compileGlob takes the pattern apart. hidden lets wildcards match names that begin with a dot.
func compileGlob(text string, hidden bool) (*globPattern, error) {
	if text == "" || len(text) > maxPatternBytes || strings.IndexByte(text, 0) >= 0 {
		return nil, wire.Errorf(wire.InvalidArgument,
			"a glob pattern has 1 to %d bytes and no NUL, this one has %d", maxPatternBytes, len(text))
	}
	expanded, ok := expandBraces(text)
	if !ok {
		return nil, wire.Errorf(wire.InvalidArgument,
			"the braces of the glob pattern stand for more than %d alternatives or %d bytes", maxAlternatives, maxExpandedBytes)
	}
	g := &globPattern{hidden: hidden}
	// The pattern as it stands is an alternative too: a name may contain braces.
	seen := map[string]bool{}
	for _, alternative := range append([]string{text}, expanded...) {
		if !seen[alternative] {
			seen[alternative] = true
			g.add(alternative)
		}
	}
	return g, nil
}

func (g *globPattern) add(alternative string) {
	first := len(g.segments)
	for _, text := range strings.Split(alternative, "/") {
		last := len(g.segments) - 1
		switch {
		case text == "" || text == ".":
		case text != "**":
			g.segments = append(g.segments, segment{name: compileName(text)})
		case last < first || g.segments[last].kind != deepSegment:
			g.segments = append(g.segments, segment{kind: deepSegment})
		}
	}
	if len(g.segments) == first {
		return // it names no file: `/`, or an empty alternative
	}
	if g.segments[len(g.segments)-1].kind == deepSegment {
		// `dir/**` finds the files below: the last `**` stands for any path of at least one name.
		g.segments = append(g.segments, segment{name: compileName("*")})
	}
	g.segments = append(g.segments, segment{kind: endSegment})
	g.starts = g.reach(g.starts, int32(first))
}

// advance gives the position behind a name; for a directory: where a walk into it would stand. It
// is built in the memory of into.
func (g *globPattern) advance(into, from position, name string) position {
	into = into[:0]
	for _, at := range from {
		switch one := &g.segments[at]; one.kind {
		case deepSegment:
			if g.hidden || !isHidden(name) {
				into = g.reach(into, at)
			}
		case nameSegment:
			if one.name.match(name, g.hidden) {
				into = g.reach(into, at+1)
			}
		}
	}
	return into
}

// reach adds a segment, and the one behind it where it is `**`, which no directory matches as well.
// Positions come in ascending order, so that one which is not above the last is there already.
func (g *globPattern) reach(positions position, at int32) position {
	if len(positions) > 0 && positions[len(positions)-1] >= at {
		return positions
	}
	positions = append(positions, at)
	if g.segments[at].kind == deepSegment {
		positions = append(positions, at+1)
	}
	return positions
}

// isMatch tells whether the names so far are a whole match.
func (g *globPattern) isMatch(positions position) bool {
	for _, at := range positions {
		if g.segments[at].kind == endSegment {
			return true
		}
	}
	return false
}

// canContinue tells whether a further name could still lead to a match.
func (g *globPattern) canContinue(positions position) bool {
	for _, at := range positions {
		if g.segments[at].kind != endSegment {
			return true
		}
	}
	return false
}
