package search

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// FuzzGlob compares globs with a reference that is slow and simple: braces are expanded from the
// left, and every way to match is tried.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"**/*.{a,b}", "a/b.a"}, {"{a,{b,a}b}*", "bab"}, {"[!a-b]?", "éa"}, {"**/a/**/b", "a/a/b/b"}, {"a*b*", "abab"},
		{`\*{a\,b,a}`, "*a"}, {"{[,a],b}]", "a]"}, {".*/**", ".a/b"}, {"{a..b}{", "a{"}, {"[]-a]", "]"}, {"{{a,b}}", "{a}"},
	} {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, pattern, name string, hidden bool) {
		pattern, name = small(pattern, 14), strings.Trim(path.Clean("/"+small(name, 10)), "/")
		if pattern == "" || name == "" {
			return
		}
		compiled, err := compileGlob(pattern, hidden)
		if err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		if got, want := matchPath(compiled, name), referenceGlob(pattern, name, hidden); got != want {
			t.Fatalf("%s on %s (hidden %v) is %v and not %v", pattern, name, hidden, got, want)
		}
	})
}

// small maps any text to few characters that mean something to a glob.
func small(text string, size int) string {
	const alphabet = `ab.é*?[]!-{},\/^`
	characters := []rune(alphabet)
	var out []rune
	for i := 0; i < len(text) && i < size; i++ {
		if at := strings.IndexByte(alphabet, text[i]); at >= 0 && text[i] < 0x80 {
			out = append(out, rune(text[i]))
		} else {
			out = append(out, characters[int(text[i])%len(characters)])
		}
	}
	return string(out)
}

func referenceGlob(pattern, name string, hidden bool) bool {
	for _, alternative := range append(referenceBraces(pattern), pattern) {
		var parts []string
		for _, part := range strings.Split(alternative, "/") {
			if part != "" && part != "." {
				parts = append(parts, part)
			}
		}
		if len(parts) > 0 && referencePath(parts, strings.Split(name, "/"), hidden) {
			return true
		}
	}
	return false
}

func referencePath(parts, names []string, hidden bool) bool {
	switch {
	case len(parts) == 0 || len(names) == 0:
		return len(parts) == len(names)
	case parts[0] != "**":
		return referenceName(parts[0], names[0], hidden) && referencePath(parts[1:], names[1:], hidden)
	case len(parts) > 1 && referencePath(parts[1:], names, hidden):
		return true
	case !hidden && strings.HasPrefix(names[0], "."):
		return false
	case len(parts) == 1 && len(names) == 1:
		return true
	}
	return referencePath(parts, names[1:], hidden)
}

// referenceName lets a regular expression match.
func referenceName(part, name string, hidden bool) bool {
	if part == name {
		return true
	}
	if !hidden && name[0] == '.' && strings.ContainsAny(part[:1], "*?") {
		return false
	}
	expression := ""
	for rest := part; rest != ""; {
		taken := 1
		switch class, size := referenceClass(rest); {
		case size > 0:
			if expression == "" && !hidden && name[0] == '.' {
				return false
			}
			expression, taken = expression+class, size
		case rest[0] == '*':
			expression += ".*"
		case rest[0] == '?':
			expression += "."
		case rest[0] == '\\' && len(rest) > 1:
			taken = 1 + len(string([]rune(rest[1:])[:1]))
			expression += regexp.QuoteMeta(rest[1:taken])
		default:
			taken = len(string([]rune(rest)[:1]))
			expression += regexp.QuoteMeta(rest[:taken])
		}
		rest = rest[taken:]
	}
	return regexp.MustCompile(`^(?s:` + expression + `)$`).MatchString(name)
}

var (
	classText  = regexp.MustCompile(`^\[(?:[!^](?:\\.|[^\\])|\\.|[^\\!^])(?:\\.|[^\\\]])*\]`)
	classItem  = regexp.MustCompile(`^(\\.|[^\\])-(\\.|[^\]\\])|^(\\.|[^\\])`)
	emptyClass = `[^\x00-\x{10ffff}]`
)

// referenceClass is the class that text begins with, in the syntax of regular expressions.
func referenceClass(text string) (string, int) {
	all := classText.FindString(text)
	if all == "" {
		return "", 0
	}
	body, negated := all[1:len(all)-1], ""
	if body[0] == '!' || body[0] == '^' {
		body, negated = body[1:], "^"
	}
	items := ""
	for body != "" {
		item := classItem.FindStringSubmatch(body)
		body = body[len(item[0]):]
		first, last := item[1], item[2]
		if item[3] != "" {
			first, last = item[3], item[3]
		}
		if from, to := lastRune(first), lastRune(last); from <= to {
			items += `\x{` + fourDigits(from) + `}-\x{` + fourDigits(to) + `}`
		}
	}
	switch {
	case items != "":
		return "[" + negated + items + "]", len(all)
	case negated != "":
		return "(?s:.)", len(all)
	}
	return emptyClass, len(all)
}

func lastRune(text string) rune {
	characters := []rune(text)
	return characters[len(characters)-1]
}

func fourDigits(character rune) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[character>>12&15], digits[character>>8&15], digits[character>>4&15], digits[character&15]})
}

// referenceBraces expands the first braces that are a choice, then what is in them and behind them.
func referenceBraces(pattern string) []string {
	for start := 0; start < len(pattern); start++ {
		if pattern[start] == '\\' {
			start++
			continue
		}
		if pattern[start] != '{' {
			continue
		}
		items, end := referenceItems(pattern, start)
		if items == nil {
			continue
		}
		var all []string
		for _, item := range items {
			for _, middle := range referenceBraces(item) {
				for _, rest := range referenceBraces(pattern[end:]) {
					all = append(all, pattern[:start]+middle+rest)
				}
			}
		}
		return all
	}
	return []string{pattern}
}

// referenceItems are the items of the braces that open at start, and where these end; nil where they
// are not closed or no choice.
func referenceItems(pattern string, start int) (items []string, end int) {
	depth, from := 0, start+1
	for at := start; at < len(pattern); at++ {
		switch {
		case pattern[at] == '\\':
			at++
		case pattern[at] == '{':
			depth++
		case pattern[at] == '}':
			depth--
		case pattern[at] == ',' && depth == 1:
			items = append(items, pattern[from:at])
			from = at + 1
		}
		if depth == 0 {
			if items == nil {
				return referenceRange(pattern[start+1 : at]), at + 1
			}
			return append(items, pattern[from:at]), at + 1
		}
	}
	return nil, 0
}

func referenceRange(body string) []string {
	return map[string][]string{"a..a": {"a"}, "a..b": {"a", "b"}, "b..a": {"b", "a"}, "b..b": {"b"}}[body]
}
