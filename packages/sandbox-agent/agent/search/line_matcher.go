package search

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"carrel-agent/wire"
)

const (
	maxExpressionBytes = 64 * 1024
	// maxInstructions bounds the memory of a compiled expression: `((a{100}){100}){100}` is short.
	maxInstructions = 100_000
	// maxExpressionCost bounds it as well: a class such as \pL is a few bytes of a pattern, and thousands
	// in memory.
	maxExpressionCost = 16 * 1024 * 1024
	// What an instruction and a part of a parsed expression cost, with what hangs on them.
	instructionCost = 128
	partCost        = 192
	// maxQuietWork is how much matching is done without a look at the clock: bytes of a line times
	// instructions, the better part of a second where it comes to the worst.
	maxQuietWork = 8 * 1024 * 1024
)

// lineMatcher finds a pattern in single lines.
type lineMatcher struct {
	// literal is the pattern where it stands for its own bytes; expression is nil then.
	literal      []byte
	expression   *regexp.Regexp
	instructions int
	required     required
	// cost is about what the matcher takes in memory.
	cost int
}

func compileMatcher(pattern string, literal, ignoreCase bool) (*lineMatcher, error) {
	if len(pattern) > maxExpressionBytes {
		return nil, wire.Errorf(wire.InvalidArgument,
			"a pattern has at most %d bytes, this one has %d", maxExpressionBytes, len(pattern))
	}
	if literal && !ignoreCase {
		return literalMatcher([]byte(pattern)), nil
	}
	if literal {
		pattern = regexp.QuoteMeta(pattern)
	}
	if ignoreCase {
		pattern = "(?i)" + pattern
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, refusal(err)
	}
	if isPlain(parsed) {
		return literalMatcher([]byte(string(parsed.Rune))), nil
	}
	size := instructions(parsed)
	cost := treeCost(parsed) + size*instructionCost
	if size > maxInstructions || cost > maxExpressionCost {
		return nil, wire.Errorf(wire.InvalidArgument,
			"the regular expression is too large once its repetitions are written out; repeat less, or less often within each other")
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, refusal(err)
	}
	return &lineMatcher{expression: expression, instructions: size, required: requiredBy(parsed), cost: cost}, nil
}

// treeCost is about what a parsed expression takes in memory.
func treeCost(re *syntax.Regexp) int {
	const runeSize = 4
	cost := partCost + runeSize*cap(re.Rune)
	for _, sub := range re.Sub {
		cost += treeCost(sub)
	}
	return cost
}

// isPlain tells an expression that stands for its own bytes. U+FFFD also stands for what is no UTF-8.
func isPlain(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 &&
		!strings.ContainsRune(string(re.Rune), utf8.RuneError)
}

func literalMatcher(literal []byte) *lineMatcher {
	m := &lineMatcher{literal: literal}
	if len(literal) > 0 {
		m.required.texts = [][]byte{literal}
	}
	return m
}

func refusal(err error) error {
	reason := err.Error()
	var refused *syntax.Error
	if errors.As(err, &refused) {
		reason = refused.Code.String()
		if refused.Expr != "" && len(refused.Expr) <= 200 {
			reason += ": `" + refused.Expr + "`"
		}
	}
	return wire.Errorf(wire.InvalidArgument,
		"the regular expression cannot be parsed (%s); correct it, or search for literal text", reason)
}

// instructions is about how large the program of an expression is. It stops to count over the bound.
func instructions(re *syntax.Regexp) int {
	size := 2 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		size = 2
	}
	for _, sub := range re.Sub {
		if size += instructions(sub); size > maxInstructions {
			return size
		}
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return size
}

// isQuick tells whether a line of this length can be matched without a look at the clock.
func (m *lineMatcher) isQuick(length int) bool {
	return m.expression == nil || length <= maxQuietWork/m.instructions
}

// in tells where the first match in a line begins, or -1; of a line that is told whole, only whether
// there is one, which is found faster.
func (m *lineMatcher) in(line []byte) int {
	if m.expression == nil {
		return bytes.Index(line, m.literal)
	}
	if len(line) <= maxLineBytes {
		if m.expression.Match(line) {
			return 0
		}
		return -1
	}
	if found := m.expression.FindIndex(line); found != nil {
		return found[0]
	}
	return -1
}

// inRunes is in for a line that is read while it is matched.
func (m *lineMatcher) inRunes(line io.RuneReader) int64 {
	if found := m.expression.FindReaderIndex(line); found != nil {
		return int64(found[0])
	}
	return -1
}
