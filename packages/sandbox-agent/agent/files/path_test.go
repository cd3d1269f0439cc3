package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"carrel-agent/wire"
)

func TestRefusesPathsThatAreNotNormalised(t *testing.T) {
	for _, path := range []string{
		"", ".", "a", "a/b", "//", "/a/", "/a//b", "/./a", "/a/.", "/a/../b", "/..", "/a\x00b",
		"/" + strings.Repeat("n", 256), strings.Repeat("/dd", 1366),
	} {
		if CheckPath(wire.Bytes(path)) == nil {
			t.Errorf("%.40q is taken", path)
		}
	}
	for _, path := range []string{
		"/", "/a", "/a/b", "/...", "/..a/b..", "/ ", "/\xff\xfe", "/a\nb", "/" + strings.Repeat("n", 255), strings.Repeat("/dd", 1365),
	} {
		if err := CheckPath(wire.Bytes(path)); err != nil {
			t.Errorf("%.40q: %v", path, err)
		}
	}
}

func TestEveryMethodRefusesABadPath(t *testing.T) {
	c := agent(t)
	for _, path := range []string{"", "relative", "/a/../b", "/a\x00b", "/" + strings.Repeat("n", 256), strings.Repeat("/d", 2048)} {
		for _, method := range []string{"stat", "ls", "read", "readStream", "write", "edit", "remove", "mkdir", "archive", "watch"} {
			c.fails(wire.InvalidPath, method, params{"path": path, "oldBytes": 1}, "x")
		}
		c.fails(wire.InvalidPath, "move", params{"from": path, "to": "/x"}, "")
		c.fails(wire.InvalidPath, "move", params{"from": "/x", "to": path}, "")
		c.fails(wire.InvalidPath, "diskUsage", params{"paths": []wire.Bytes{wire.Bytes(path)}}, "")
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/a/../b", "//", "/a/", "/a\x00", "/\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if CheckPath(wire.Bytes(path)) != nil {
			return
		}
		if filepath.Clean(path) != path || !filepath.IsAbs(path) || strings.Contains(path, "\x00") || len(path) > MaxPathBytes {
			t.Errorf("%q is taken", path)
		}
		directory, name := split(path)
		if path != "/" && Join(directory, name) != path {
			t.Errorf("%q is split into %q and %q", path, directory, name)
		}
		// Whatever is taken, the kernel can be asked about, and its answer is one of the protocol's.
		if _, err := Lstat(path); err != nil && !Missing(err) && !os.IsPermission(err) {
			t.Errorf("%q: %v", path, err)
		}
	})
}

func FuzzShow(f *testing.F) {
	f.Add("/a")
	f.Add(strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, path string) {
		shown := Show(path)
		if len(shown) > 4*shownBytes+8 || !utf8.ValidString(shown) || strings.ContainsAny(shown, "\n\x1b\x00") {
			t.Errorf("%q is shown as %q", path, shown)
		}
	})
}
