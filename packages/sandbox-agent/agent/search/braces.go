package search

import (
	"strconv"
	"strings"
)

// part is a piece of a pattern: text, or several texts of which each may stand there.
type part struct {
	text    string
	choices [][]part
}

// expandBraces gives every pattern that one with `{a,b}` and `{1..3}` stands for; false where these
// are more than maxAlternatives or longer than maxExpandedBytes together. Braces that are not closed,
// and braces without a comma or range in them, are text. Sizes are counted before anything is built.
func expandBraces(pattern string) ([]string, bool) {
	parts, ok := parseBraces(pattern)
	if !ok || expandedSize(parts).over() {
		return nil, false
	}
	return expansions(parts), true
}

// parseBraces is false where a range alone is over the bound.
func parseBraces(pattern string) (parts []part, ok bool) {
	closing := closingBraces(pattern)
	start := 0
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\':
			i++
		case pattern[i] == '{' && closing[i] > 0:
			choices, ok := parseChoices(pattern[i+1 : closing[i]])
			if !ok {
				return nil, false
			}
			if choices == nil {
				continue // text, in which further braces may stand
			}
			parts = append(parts, part{text: pattern[start:i]}, part{choices: choices})
			i = closing[i]
			start = i + 1
		}
	}
	return append(parts, part{text: pattern[start:]}), true
}

// closingBraces is where the brace that opens at each place is closed; 0 where none does.
func closingBraces(pattern string) []int {
	closing := make([]int, len(pattern))
	var open []int
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '{':
			open = append(open, i)
		case '}':
			if len(open) > 0 {
				closing[open[len(open)-1]] = i
				open = open[:len(open)-1]
			}
		}
	}
	return closing
}

// parseChoices takes apart what stands between two braces; nil where it is no choice.
func parseChoices(body string) (choices [][]part, ok bool) {
	items := splitAtCommas(body)
	if len(items) == 1 {
		return parseRange(body)
	}
	for _, item := range items {
		parts, ok := parseBraces(item)
		if !ok {
			return nil, false
		}
		choices = append(choices, parts)
	}
	return choices, true
}

func splitAtCommas(body string) (items []string) {
	depth, start := 0, 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				items = append(items, body[start:i])
				start = i + 1
			}
		}
	}
	return append(items, body[start:])
}

// parseRange takes `1..3`, `01..10`, `a..e`, and a step after a further `..`.
func parseRange(body string) (choices [][]part, ok bool) {
	ends := strings.Split(body, "..")
	if len(ends) != 2 && len(ends) != 3 {
		return nil, true
	}
	first, last, format, ok := rangeEnds(ends[0], ends[1])
	step := 1
	if len(ends) == 3 {
		given, err := strconv.Atoi(ends[2])
		ok = ok && err == nil && given > -maxRangeEnd && given < maxRangeEnd
		step = max(given, -given, 1)
	}
	if !ok {
		return nil, true
	}
	if max(last-first, first-last)/step >= maxAlternatives {
		return nil, false
	}
	if last < first {
		step = -step
	}
	for value := first; step > 0 && value <= last || step < 0 && value >= last; value += step {
		choices = append(choices, []part{{text: format(value)}})
	}
	return choices, true
}

// maxRangeEnd keeps sums of two ends within an int.
const maxRangeEnd = 1 << 53

func rangeEnds(from, to string) (first, last int, format func(int) string, ok bool) {
	if areLetters(from, to) {
		return int(from[0]), int(to[0]), func(value int) string { return string(rune(value)) }, true
	}
	first, firstErr := strconv.Atoi(from)
	last, lastErr := strconv.Atoi(to)
	plain := !strings.HasPrefix(from, "+") && !strings.HasPrefix(to, "+")
	small := max(first, -first, last, -last) < maxRangeEnd
	width := 0
	if isPadded(from) || isPadded(to) {
		width = max(len(from), len(to))
	}
	format = func(value int) string {
		text := strconv.Itoa(max(value, -value))
		sign := ""
		if value < 0 {
			sign = "-"
		}
		return sign + strings.Repeat("0", max(width-len(sign)-len(text), 0)) + text
	}
	return first, last, format, firstErr == nil && lastErr == nil && plain && small
}

// areLetters wants both of one case: there are no letters between Z and a.
func areLetters(from, to string) bool {
	return len(from) == 1 && len(to) == 1 && (isBetween('a', from, to, 'z') || isBetween('A', from, to, 'Z'))
}

func isBetween(first byte, from, to string, last byte) bool {
	return first <= from[0] && from[0] <= last && first <= to[0] && to[0] <= last
}

func isPadded(number string) bool {
	digits := strings.TrimPrefix(number, "-")
	return len(digits) > 1 && digits[0] == '0'
}

// size is how many texts a pattern stands for, and how many bytes these have together.
type size struct{ count, bytes int }

// over also keeps the products of two sizes from overflowing: each stops to grow at the bound.
func (s size) over() bool { return s.count > maxAlternatives || s.bytes > maxExpandedBytes }

func expandedSize(parts []part) size {
	total := size{count: 1}
	for _, p := range parts {
		one := size{1, len(p.text)}
		if p.choices != nil {
			one = size{}
			for _, choice := range p.choices {
				of := expandedSize(choice)
				one = size{one.count + of.count, one.bytes + of.bytes}
				if one.over() {
					return one
				}
			}
		}
		total = size{total.count * one.count, total.bytes*one.count + one.bytes*total.count}
		if total.over() {
			return total
		}
	}
	return total
}

func expansions(parts []part) []string {
	texts := []string{""}
	for _, p := range parts {
		ends := []string{p.text}
		if p.choices != nil {
			ends = ends[:0]
			for _, choice := range p.choices {
				ends = append(ends, expansions(choice)...)
			}
		}
		next := make([]string, 0, len(texts)*len(ends))
		for _, text := range texts {
			for _, end := range ends {
				next = append(next, text+end)
			}
		}
		texts = next
	}
	return texts
}

func max(first int, others ...int) int {
	for _, other := range others {
		if other > first {
			first = other
		}
	}
	return first
}
