package search

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"carrel-agent/wire"
)

const mebibyte = 1024 * 1024

// lines gives the numbers of the lines that a pattern finds in one file with this content.
func (b bench) lines(content, pattern string, given params) []int64 {
	b.Helper()
	b.write(content, "file")
	found, truncated := b.grep(pattern, given)
	if truncated {
		b.Errorf("%.100q: it is said that there is more", pattern)
	}
	numbers := []int64{}
	for _, one := range found {
		numbers = append(numbers, one.Line)
	}
	return numbers
}

func TestGrepFindsLines(t *testing.T) {
	b := newBench(t)
	content := "import foo\nfoo.Bar(1)\nFOO BAR\n\nprice: $5.00\nnaïve Größe 日本語\nfoobar\r\nend foo"
	for _, c := range []struct {
		pattern string
		given   params
		want    []int64
	}{
		{"foo", nil, []int64{1, 2, 7, 8}},
		{"foo$", nil, []int64{1, 8}},
		{"^foo", nil, []int64{2, 7}},
		{"bar$", nil, []int64{7}},
		{"^$", nil, []int64{4}},
		{"", nil, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"^", nil, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"$", params{"literal": true}, []int64{5}},
		{"price|naïve", nil, []int64{5, 6}},
		{`\bfoo\b`, nil, []int64{1, 2, 8}},
		{`(foo)+\.?[Bb]ar`, nil, []int64{2, 7}},
		{`\p{Han}`, nil, []int64{6}},
		{"foo bar", params{"ignoreCase": true}, []int64{3}},
		{"GRÖSSE|GRÖßE", params{"ignoreCase": true}, []int64{6}},
		{"FOO.B", params{"ignoreCase": true, "literal": true}, []int64{2}},
		{"(?i)foo b", nil, []int64{3}},
		{"o\nf", nil, nil},
		{"o\nf", params{"literal": true}, nil},
		{`o\sf`, nil, nil},
		{`o[^x]f`, nil, nil},
		{`(?s)o.f`, nil, nil},
		{`r\r`, nil, nil},
		{`(?m)^end`, nil, []int64{8}},
	} {
		if got := b.lines(content, c.pattern, c.given); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q %v: %v and not %v", c.pattern, c.given, got, c.want)
		}
	}
}

func TestGrepFoldsLettersBeyondASCII(t *testing.T) {
	b := newBench(t)
	for pattern, content := range map[string]string{
		"task": "TA\u017f\u212a\n", "kelvin": "\u212aelvin\n", "ÄRGER": "ärger\n", "s": "\u017f\n",
	} {
		if got := b.lines(content, pattern, params{"ignoreCase": true}); len(got) != 1 {
			t.Errorf("%q does not find %q", pattern, content)
		}
	}
}

func TestGrepFindsBytesThatAreNoText(t *testing.T) {
	b := newBench(t)
	b.write("caf\xe9 needle\nneedle\n", "name-\xff")
	found, _ := b.grep("needle", nil)
	want := []match{{"name-\xff", 1, "caf\xe9 needle"}, {"name-\xff", 2, "needle"}}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("%q", found)
	}
	if found, _ = b.grep("f\xe9 ", params{"literal": true}); len(found) != 1 {
		t.Errorf("%q by its bytes", found)
	}
	if found, _ = b.grep("caf. needle", nil); len(found) != 1 {
		t.Errorf("%q by a dot", found)
	}
	if found, _ = b.grep(`caf\x{FFFD} needle`, nil); len(found) != 1 {
		t.Errorf("%q by U+FFFD", found)
	}
}

func TestGrepPassesOverWhatIsNoTextFile(t *testing.T) {
	b := newBench(t)
	b.write("needle\n\x00needle\n", "binary")
	b.write("needle\n"+strings.Repeat("a\n", 8192)+"\x00\n", "late")
	b.write("needle\n", ".hidden/file", "file")
	b.must(syscall.Mkfifo(b.path("pipe"), 0o600))
	b.must(os.Symlink("file", b.path("link")))
	b.must(os.Truncate(b.path("binary"), 10<<30))
	found, truncated := b.grep("needle", nil)
	if len(found) != 2 || found[0].Path != "file" || found[1].Path != "late" || truncated {
		t.Errorf("%q, %v", found, truncated)
	}
	// What is named is searched, hidden or by a link, but never waited for.
	for name, count := range map[string]int{".hidden/file": 1, ".hidden": 1, "link": 1, "pipe": 0, "binary": 0} {
		if found, _ = b.grep("needle", params{"path": b.path(name)}); len(found) != count {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func TestGrepSearchesTheFilesOfAGlob(t *testing.T) {
	b := newBench(t)
	b.write("x\n", "a.ts", "b.js", "src/c.ts", "src/deep/d.ts")
	for glob, want := range map[string]string{
		"*.ts": "a.ts src/c.ts src/deep/d.ts", "{a,b}.*": "a.ts b.js", "src/*.ts": "src/c.ts", "src/**": "src/c.ts src/deep/d.ts",
	} {
		var paths []string
		found, _ := b.grep("x", params{"glob": wire.Bytes(glob)})
		for _, one := range found {
			paths = append(paths, string(one.Path))
		}
		b.expect(paths, strings.Split(want, " ")...)
	}
	if found, _ := b.grep("x", params{"glob": "*.js", "path": b.path("a.ts")}); len(found) != 1 {
		t.Error("a file that is named is searched whatever the glob")
	}
	b.fails(wire.InvalidArgument, "grep", params{"pattern": "x", "glob": ""})
}

func TestGrepEndsAtTheLimitAndSaysSo(t *testing.T) {
	b := newBench(t)
	b.write("x\nx\nx\n", "a", "b")
	for limit, truncated := range map[int]bool{1: true, 3: true, 5: true, 6: false, 7: false} {
		found, more := b.grep("x", params{"limit": limit})
		if len(found) != min(limit, 6) || more != truncated {
			t.Errorf("limit %d: %d found, %v", limit, len(found), more)
		}
	}
	if found, more := b.grep("x", params{"limit": 2, "path": b.path("a")}); len(found) != 2 || !more {
		t.Errorf("in one file: %d found, %v", len(found), more)
	}
}

func TestGrepGivesABoundedAmountOfText(t *testing.T) {
	b := newBench(t)
	b.write(strings.Repeat(strings.Repeat("x", maxLineBytes)+"\n", 1100), "file")
	found, truncated := b.grep("x", params{"limit": 10_000})
	if len(found)*maxLineBytes > maxResultBytes || len(found) < 1000 || !truncated {
		t.Errorf("%d lines, %v", len(found), truncated)
	}
}

func TestGrepCutsALineAroundTheMatch(t *testing.T) {
	b := newBench(t)
	for _, size := range []int{maxLineBytes / 2, maxLineBytes, 100_000, maxBuffered - 3, maxBuffered, 3 * mebibyte} {
		for _, pattern := range []string{"needle", "need.e", "n.?e.?d.e"} {
			side := strings.Repeat("é", size/2)
			b.write("first\n"+side+"needle"+side+"\r\nneedle\n"+side+"needle", "file")
			found, truncated := b.grep(pattern, nil)
			if len(found) != 3 || truncated {
				t.Fatalf("%s, %d bytes: %d found, %v", pattern, size, len(found), truncated)
			}
			for i, line := range []int64{2, 3, 4} {
				text := string(found[i].Text)
				if found[i].Line != line || !strings.Contains(text, "needle") || len(text) > maxLineBytes ||
					strings.Trim(text, "é") != "needle" || line != 3 && len(text) < min(size, maxLineBytes)-8 {
					t.Errorf("%s, %d bytes: line %d with %d bytes", pattern, size, found[i].Line, len(text))
				}
			}
		}
	}
}

func TestGrepKnowsTheEndsOfAnEndlessLine(t *testing.T) {
	b := newBench(t)
	for _, content := range []string{
		strings.Repeat("x", mebibyte+1000) + "end\r\nend\n", strings.Repeat("x", mebibyte+1000) + "end\nend\n",
		strings.Repeat("x", maxBuffered-4) + "end\r\nend\n", strings.Repeat("x", maxBuffered-3) + "end\r\nend",
	} {
		for pattern, want := range map[string]string{
			"end$": "[1 2]", "^end": "[2]", "^x+end$": "[1]", "xend$": "[1]", `(?i)XEND`: "[1]", "absent": "[]", "^e?nd?": "[2]",
		} {
			if got := b.lines(content, pattern, nil); fmt.Sprint(got) != want {
				t.Errorf("%q finds %v and not %s in a line of %d bytes", pattern, got, want, strings.Index(content, "\n"))
			}
		}
	}
}

func TestGrepEndsInTimeOnALineThatTakesForEver(t *testing.T) {
	b := newBench(t)
	b.write(strings.Repeat("ab", 4*mebibyte)+"\n", "a")
	found, truncated := b.grep(`^((a|b|ab)*){90}[cd]`, params{"timeoutMs": 200})
	if len(found) != 0 || !truncated {
		t.Errorf("%d found, %v", len(found), truncated)
	}
}

func TestGrepReadsAHugeFilePieceByPiece(t *testing.T) {
	b := newBench(t)
	b.write("needle\n"+strings.Repeat("x", binaryProbe), "file")
	// Zeros without an end, as one line.
	b.must(os.Truncate(b.path("file"), 1<<40))
	found, truncated := b.grep("needle", params{"timeoutMs": 300})
	if len(found) != 1 || !truncated {
		t.Errorf("%q, %v", found, truncated)
	}
}

func TestGrepRefusesAPatternAndSaysWhy(t *testing.T) {
	b := newBench(t)
	for pattern, why := range map[string]string{
		"(": "missing closing )", "[a": "missing closing ]", "*a": "missing argument", "a{2,1}": "invalid repeat count",
		`\`: "trailing backslash", `(a)\1`: "invalid escape", "(?=a)": "invalid or unsupported Perl syntax",
		"((a{100}){100}){100}": "", strings.Repeat("(", 2000) + strings.Repeat(")", 2000): "", "\xff": "invalid UTF-8",
		strings.Repeat("a", maxExpressionBytes+1): "at most", `(\w{1,900}\s){1,900}`: "",
	} {
		failed := b.fails(wire.InvalidArgument, "grep", params{"pattern": wire.Bytes(pattern)})
		if !strings.Contains(failed.Message, why) || len(failed.Message) > 500 {
			t.Errorf("%.40q: %s", pattern, failed.Message)
		}
	}
	b.fails(wire.InvalidArgument, "grep", params{"pattern": "x", "limit": 0})
	b.fails(wire.NotFound, "grep", params{"pattern": "x", "path": b.path("absent")})
	b.write("x", "file")
	b.fails(wire.NotFound, "grep", params{"pattern": "x", "path": b.path("file/child")})
}

func TestAPatternMayBeLarge(t *testing.T) {
	b := newBench(t)
	literal := "("
	for i := 0; len(literal) < maxExpressionBytes; i++ {
		literal += fmt.Sprint(i, "+")
	}
	literal = literal[:maxExpressionBytes]
	for _, given := range []params{{"literal": true}, {"literal": true, "ignoreCase": true}} {
		if got := b.lines("x"+literal+"\nx\n", literal, given); len(got) != 1 {
			t.Errorf("%v: %v", given, got)
		}
	}
}

func TestLowerCaseIsThatOfASCII(t *testing.T) {
	for size := 0; size < 20; size++ {
		for c := 0; c < 256; c++ {
			text := bytes.Repeat([]byte{byte(c)}, size)
			want := append([]byte("X"), text...)
			if 'A' <= c && c <= 'Z' {
				want = append([]byte("X"), bytes.Repeat([]byte{byte(c) + 0x20}, size)...)
			}
			if got := appendLower([]byte("X"), text); !bytes.Equal(got, want) {
				t.Fatalf("%q and not %q", got, want)
			}
		}
	}
}
