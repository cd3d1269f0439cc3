package search

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"carrel-agent/files"
)

// FuzzGrep compares the search by blocks with one line by line, in files of short lines and of lines
// that are longer than the buffer.
func FuzzGrep(f *testing.F) {
	for _, seed := range [][2]string{
		{"ab|k", "xab\nK\n\nL"}, {"^a.*b$", "aLLb\r\nab\r"}, {"(?i)s", "\u017f\nS"}, {"[^a]", "\n\na\nb"}, {"a\xff", "xa\xff\n"}, {"$", ""},
		{"b\r", "ab\r\nb\rb\n"}, {"(a|b)+k", "LLabakL\nk"}, {"a", "LaLL\nLLa"}, {`\bk\b`, "L k LL\n"}, {"\ufffd", "\xff\n"},
	} {
		for mode := uint8(0); mode < 8; mode++ {
			f.Add(seed[0], seed[1], mode)
		}
	}
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, pattern, content string, mode uint8) {
		literal, ignoreCase, slow := mode&1 != 0, mode&2 != 0, mode&4 != 0
		matcher, err := compileMatcher(pattern, literal, ignoreCase)
		if err != nil || len(pattern) > 20 || len(content) > 60 || strings.Contains(content, "\x00") {
			return
		}
		if slow {
			matcher.instructions = maxQuietWork + 1
		}
		content = strings.ReplaceAll(content, "L", strings.Repeat("y", 9000))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got := scanned(t, path, matcher)
		want := referenceLines(pattern, content, literal, ignoreCase)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q (mode %d) in %.200q: lines %v and not %v", pattern, mode&7, content, got, want)
		}
	})
}

func scanned(t *testing.T, path string, matcher *lineMatcher) []int64 {
	file, err := files.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out strings.Builder
	s := &search{stop: context.Background(), results: newResults(&out, 1000)}
	scan := newLineScan(s, matcher)
	scan.buffer = make([]byte, maxLineBytes+10)
	scan.begin(file, path)
	if err := scan.run(); err != nil {
		t.Fatal(err)
	}
	if err := s.results.end(); err != nil {
		t.Fatal(err)
	}
	var found []match
	if err := json.Unmarshal([]byte(out.String()), &found); err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, one := range found {
		numbers = append(numbers, one.Line)
	}
	return numbers
}

func referenceLines(pattern, content string, literal, ignoreCase bool) (numbers []int64) {
	if literal && ignoreCase {
		pattern = regexp.QuoteMeta(pattern)
	}
	if ignoreCase {
		pattern = "(?i)" + pattern
	}
	isMatch := func(line string) bool { return strings.Contains(line, pattern) }
	if !literal || ignoreCase {
		isMatch = regexp.MustCompile(pattern).MatchString
	}
	lines := strings.Split(content, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	for i, line := range lines {
		if isMatch(strings.TrimSuffix(line, "\r")) {
			numbers = append(numbers, int64(i)+1)
		}
	}
	return numbers
}
