package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"syscall"
	"testing"

	"carrel-agent/files"
	"carrel-agent/wire"
)

func TestGlobTellsWhatStatTells(t *testing.T) {
	b := newBench(t)
	b.write("12345", "name-\xff\n.txt")
	b.must(os.Chmod(b.path("name-\xff\n.txt"), 0o640))
	b.must(os.Symlink("absent", b.path("link")))
	b.must(syscall.Mkfifo(b.path("pipe"), 0o600))
	b.must(os.Mkdir(b.path("directory"), 0o755))
	var found []files.Info
	if b.search("glob", "*", nil, &found) {
		t.Error("it is said that there is more")
	}
	var want []files.Info
	for _, name := range []string{"link", "name-\xff\n.txt", "pipe"} {
		info, err := files.Lstat(b.path(name))
		b.must(err)
		want = append(want, info)
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("%v and not %v", found, want)
	}
}

func TestGlobSortsByTheBytesOfThePaths(t *testing.T) {
	b := newBench(t)
	sorted := []string{"B/x", "a-b", "a.b/x", "a/x", "a0", "é", "\uff5e", "\U0001f600", "\xff"}
	b.write("x", sorted...)
	found, truncated := b.glob("**", nil)
	b.expect(found, sorted...)
	if truncated {
		t.Error("it is said that there is more")
	}
	found, truncated = b.glob("**", params{"limit": 4})
	b.expect(found, sorted[:4]...)
	if !truncated {
		t.Error("it is not said that there is more")
	}
	if found, truncated = b.glob("**", params{"limit": len(sorted)}); len(found) != len(sorted) || truncated {
		t.Errorf("%q, %v at a limit that is the number", found, truncated)
	}
}

func TestGlobEntersNoLinkAndNoHiddenDirectory(t *testing.T) {
	b := newBench(t)
	b.write("x", "a/file", ".git/file", "b/.cache/file")
	b.must(os.Symlink("..", b.path("a/up")))
	b.must(os.Symlink("a", b.path("link")))
	found, _ := b.glob("**", nil)
	b.expect(found, "a/file", "a/up", "link")
	found, _ = b.glob("**/file", params{"hidden": true})
	b.expect(found, ".git/file", "a/file", "b/.cache/file")
	found, _ = b.glob(".git/*", nil)
	b.expect(found, ".git/file")
	found, _ = b.glob("link/*", nil)
	b.expect(found)
	// What is named by the path is followed.
	found, _ = b.glob("*", params{"path": b.path("link")})
	b.expect(found, "link/file", "link/up")
}

func TestGlobRefusesWhatItCannotSearch(t *testing.T) {
	b := newBench(t)
	b.write("x", "file")
	b.must(syscall.Mkfifo(b.path("pipe"), 0o600))
	b.fails(wire.NotFound, "glob", params{"pattern": "*", "path": b.path("absent")})
	b.fails(wire.NotDirectory, "glob", params{"pattern": "*", "path": b.path("file")})
	b.fails(wire.NotDirectory, "glob", params{"pattern": "*", "path": b.path("pipe")})
	b.fails(wire.InvalidPath, "glob", params{"pattern": "*", "path": "relative"})
	b.fails(wire.InvalidArgument, "glob", params{"pattern": ""})
	b.fails(wire.InvalidArgument, "glob", params{"pattern": 1})
	for _, value := range []any{0, -1, 1.5, nil, "1"} {
		b.fails(wire.InvalidArgument, "glob", params{"pattern": "*", "limit": value})
		b.fails(wire.InvalidArgument, "glob", params{"pattern": "*", "timeoutMs": value})
	}
}

func TestGlobPassesOverWhatItMayNotRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	b := newBench(t)
	b.write("x", "closed/file", "open/file")
	b.must(os.Chmod(b.path("closed"), 0))
	t.Cleanup(func() { _ = os.Chmod(b.path("closed"), 0o755) })
	found, truncated := b.glob("**", nil)
	b.expect(found, "open/file")
	if truncated {
		t.Error("it is said that there is more")
	}
	b.fails(wire.PermissionDenied, "glob", params{"pattern": "*", "path": b.path("closed")})
}

func TestGlobFindsTheFirstOfAHundredThousand(t *testing.T) {
	b := newBench(t)
	var names []string
	for i := 0; i < 100_000; i++ {
		names = append(names, fmt.Sprint(i*7919%100_000))
		if i%50_000 == 0 {
			b.write("x", names[i]) // one file cannot have a hundred thousand names
		} else {
			b.must(os.Link(b.path(names[i/50_000*50_000]), b.path(names[i])))
		}
	}
	sort.Strings(names)
	found, truncated := b.glob("*", params{"limit": 10_000})
	b.expect(found, names[:10_000]...)
	if !truncated {
		t.Error("it is not said that there is more")
	}
	found, truncated = b.glob("{99999,0,5*5}", params{"limit": 10_000})
	if len(found) != 1+1+1+10+100+1000 || truncated {
		t.Errorf("%d found, %v", len(found), truncated)
	}
}

// walked gives the paths that a walk visits, whatever its bounds.
func walked(t *testing.T, directory string, change func(*walk)) ([]string, bool) {
	t.Helper()
	root, err := files.OpenDirectory(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	pattern, err := compileGlob("**", true)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	s := &search{stop: context.Background()}
	w := walk{search: s, pattern: pattern}
	w.visit = func(_ *files.Directory, path, _ string) error {
		paths = append(paths, strings.TrimPrefix(path, directory+"/"))
		return nil
	}
	change(&w)
	if err := w.in(root, directory, pattern.starts, 0); err != nil {
		t.Fatal(err)
	}
	return paths, s.incomplete
}

func TestAWalkThatMayHoldFewEntriesReadsDirectoriesSeveralTimes(t *testing.T) {
	b := newBench(t)
	var names []string
	for i := 0; i < 3*minHeld+17; i++ {
		name := fmt.Sprintf("n%d", i*37%1000)
		if i%5 == 0 {
			name = fmt.Sprintf("n%d/inner", i*37%1000)
		}
		names = append(names, name)
	}
	b.write("", names...)
	sort.Strings(names)
	found, incomplete := walked(t, b.directory, func(w *walk) { w.held = maxHeld })
	b.expect(found, names...)
	if incomplete {
		t.Error("it is said that something was left out")
	}
}

func TestAWalkGivesUpFarDownAndSaysSo(t *testing.T) {
	b := newBench(t)
	b.write("x", "z")
	b.must(os.Mkdir(b.path("a"), 0o755))
	// By descriptors: no path could be as long.
	at, err := syscall.Open(b.path("a"), syscall.O_DIRECTORY, 0)
	b.must(err)
	name := strings.Repeat("d", 200)
	for i := 0; i < 200; i++ {
		b.must(syscall.Mkdirat(at, name, 0o755))
		if i == 10 {
			file, err := syscall.Openat(at, "file", syscall.O_CREAT, 0o600)
			b.must(err)
			syscall.Close(file)
		}
		next, err := syscall.Openat(at, name, syscall.O_DIRECTORY, 0)
		b.must(err)
		syscall.Close(at)
		at = next
	}
	syscall.Close(at)
	found, truncated := b.glob("**", nil)
	b.expect(found, "a/"+strings.Repeat(name+"/", 10)+"file", "z")
	if !truncated {
		t.Error("it is not said that something was left out")
	}
}

func TestAWalkHasFewDirectoriesOpen(t *testing.T) {
	b := newBench(t)
	b.write("x", strings.Repeat("d/", maxDepth)+"last", strings.Repeat("e/", maxDepth+1)+"beyond")
	found, incomplete := walked(t, b.directory, func(*walk) {})
	b.expect(found, strings.Repeat("d/", maxDepth)+"last")
	if !incomplete {
		t.Error("it is not said that something was left out")
	}
}

func TestAWalkFollowsNothingThatIsReplacedUnderIt(t *testing.T) {
	b := newBench(t)
	b.write("x", "a/file", "b/file", "outside/secret")
	found, _ := walked(t, b.directory, func(w *walk) {
		visit := w.visit
		w.visit = func(directory *files.Directory, path, name string) error {
			if name == "file" {
				_ = os.Rename(b.path("b"), b.path("c"))
				_ = os.Symlink("outside", b.path("b"))
			}
			return visit(directory, path, name)
		}
	})
	// `b` was a directory when it was listed, and a link when it should have been entered.
	b.expect(found, "a/file", "outside/secret")
}

func TestASearchEndsWithItsTime(t *testing.T) {
	b := newBench(t)
	b.write("x", "a", "b")
	for i := 0; i < concurrent; i++ {
		turns <- struct{}{}
	}
	found, truncated := b.glob("*", params{"timeoutMs": 20})
	for i := 0; i < concurrent; i++ {
		<-turns
	}
	if len(found) != 0 || !truncated {
		t.Errorf("%q, %v while all turns are taken", found, truncated)
	}
	if found, _ = b.glob("*", params{"timeoutMs": int64(1) << 52}); len(found) != 2 {
		t.Errorf("%q with much time", found)
	}
}

func TestWhatWasFoundInTimeIsGiven(t *testing.T) {
	stop, cancel := context.WithCancel(context.Background())
	var out strings.Builder
	s := &search{stop: stop, results: newResults(&out, 10)}
	b := newBench(t)
	b.write("x", "a", "b", "c")
	pattern, err := compileGlob("*", false)
	b.must(err)
	root, err := files.OpenDirectory(b.directory)
	b.must(err)
	defer root.Close()
	w := walk{search: s, pattern: pattern}
	w.visit = func(_ *files.Directory, path, name string) error {
		if name == "b" {
			cancel()
			return s.passOver(syscall.EACCES)
		}
		return s.results.add([]byte(`"` + name + `"`))
	}
	if err := w.in(root, b.directory, pattern.starts, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	b.must(s.results.end())
	if out.String() != `["a"]` {
		t.Errorf("%s", out.String())
	}
}

func TestASearchThatIsCancelledEnds(t *testing.T) {
	b := newBench(t)
	for i := 0; i < concurrent; i++ {
		turns <- struct{}{}
	}
	call := b.client.Open("glob", b.with(params{"pattern": "**"}))
	call.Cancel()
	var result any
	_, failed := call.Finish(&result)
	for i := 0; i < concurrent; i++ {
		<-turns
	}
	if failed == nil || failed.Code != wire.Aborted {
		t.Errorf("%v", failed)
	}
}

func TestAClientThatReadsNothingHoldsTheSearchAndNotTheAgent(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("x", 16_000)
	b.write(strings.Repeat(long+"\n", 200), "file")
	call := b.client.Open("grep", b.with(params{"pattern": "x"}))
	call.Stingy = true
	call.Next()
	found, _ := b.glob("*", nil)
	b.expect(found, "file")
	call.Cancel()
	var result any
	if _, failed := call.Finish(&result); failed == nil || failed.Code != wire.Aborted {
		t.Errorf("%v", failed)
	}
	if len(turns) > 0 {
		t.Error("it still has its turn")
	}
}
