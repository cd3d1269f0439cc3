package files

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"carrel-agent/wire"
)

func TestEditReplacesTextAndTellsAllOfIt(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	for _, test := range []struct {
		before, oldText, newText string
		all                      bool
		after                    string
		count, line              int
	}{
		{"one\ntwo\nthree\n", "two", "zwei!", false, "one\nzwei!\nthree\n", 1, 2},
		{"a\nb\nc\nd\n", "b\nc\n", "x\n", false, "a\nx\nd\n", 1, 2},
		{"keep drop", " drop", "", false, "keep", 1, 1},
		{"b\na a\na\n", "a", "aa", true, "b\naa aa\naa\n", 3, 2},
		{"aaaaa", "aa", "b", true, "bba", 2, 1},
		{"\xff\x00\xe9ab\xc3(", "ab", "é", false, "\xff\x00\xe9é\xc3(", 1, 1},
		{"same", "same", "same", false, "same", 1, 1},
	} {
		makeFile(t, path, test.before)
		with := params{"path": path, "oldBytes": len(test.oldText), "newBytes": len(test.newText), "replaceAll": test.all}
		var result editResult
		c.do("edit", with, test.oldText+test.newText).into(&result)
		want := editResult{test.count, int64(len(test.after)), sha(test.after), test.line}
		if result != want {
			t.Errorf("%q: %+v, not %+v", test.before, result, want)
		}
		expectContent(t, path, test.after)
	}
	expectNames(t, filepath.Dir(path), "file")
}

func TestEditThatFailsChangesNothing(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	path := directory + "/file"
	makeFile(t, path, "a b a")
	texts := func(with params) params {
		for name, value := range (params{"path": path, "oldBytes": 1, "newBytes": 1}) {
			if _, given := with[name]; !given {
				with[name] = value
			}
		}
		return with
	}
	c.fails(wire.NoMatch, "edit", texts(params{}), "xy")
	c.fails(wire.NoMatch, "edit", texts(params{"replaceAll": true}), "xy")
	c.fails(wire.AmbiguousMatch, "edit", texts(params{}), "ay")
	c.fails(wire.Conflict, "edit", texts(params{"ifHash": sha("other")}), "by")
	c.fails(wire.Conflict, "edit", texts(params{"ifHash": nil}), "by")
	c.fails(wire.InvalidArgument, "edit", texts(params{"oldBytes": 0}), "y")
	c.fails(wire.InvalidArgument, "edit", texts(params{"oldBytes": -1}), "y")
	c.fails(wire.InvalidArgument, "edit", texts(params{}), "b")
	c.fails(wire.InvalidArgument, "edit", texts(params{}), "bxx")
	c.fails(wire.TooLarge, "edit", texts(params{"newBytes": maxReadBytes + 1}), "b")
	c.fails(wire.NotFound, "edit", texts(params{"path": directory + "/absent"}), "by")
	c.fails(wire.NotFound, "edit", texts(params{"path": directory + "/file/child"}), "by")
	c.fails(wire.IsDirectory, "edit", texts(params{"path": directory}), "by")
	expectContent(t, path, "a b a")
	expectNames(t, directory, "file")
	c.do("edit", texts(params{"ifHash": sha("a b a")}), "bc")
	expectContent(t, path, "a c a")
}

func TestEditIsBoundedBeforeAndAfter(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	makeFile(t, path, strings.Repeat("a", maxReadBytes+1))
	c.fails(wire.TooLarge, "edit", params{"path": path, "oldBytes": 1, "newBytes": 0}, "b")
	makeFile(t, path, strings.Repeat("ab", maxReadBytes/2))
	c.fails(wire.TooLarge, "edit", params{"path": path, "oldBytes": 1, "newBytes": 2, "replaceAll": true}, "acc")
	c.do("edit", params{"path": path, "oldBytes": 1, "newBytes": 1, "replaceAll": true}, "ac")
}

func TestEditFindsTheWorstOfTextsInTime(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("a", maxReadBytes-1) + "b"
	makeFile(t, path, content)
	half := strings.Repeat("a", maxReadBytes/2)
	begin := time.Now()
	for _, oldText := range []string{half + "c", "c" + half, half[1:] + "c" + half} {
		c.fails(wire.NoMatch, "edit", params{"path": path, "oldBytes": len(oldText), "newBytes": 0}, oldText)
	}
	c.do("edit", params{"path": path, "oldBytes": len(half) + 1, "newBytes": 0}, half+"b")
	// Quadratic, it would be hours.
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("%v", took)
	}
}

func TestNoneOfSeveralEditsIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	words := []string{}
	for i := 0; i < 16; i++ {
		words = append(words, fmt.Sprintf("<%02d>", i))
	}
	makeFile(t, path, strings.Join(words, ""))
	codes := outcomes(t, len(words), func(c *client, index int) *testCall {
		return c.call("edit", params{"path": path, "oldBytes": 4, "newBytes": 4}, words[index]+strings.ToUpper(strings.ReplaceAll(words[index], "<", "[")))
	})
	if codes[""] != len(words) {
		t.Fatalf("%v", codes)
	}
	expectContent(t, path, strings.ReplaceAll(strings.Join(words, ""), "<", "["))
}
