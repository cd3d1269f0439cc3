package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"carrel-agent/wire"
)

func sha(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	stat, err := os.Lstat(path)
	must(t, err)
	return stat.Mode()
}

func TestWriteMakesAFileWithItsParents(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	var result writeResult
	c.do("write", params{"path": directory + "/a/b/file"}, "héllo\n").into(&result)
	if result != (writeResult{7, sha("héllo\n"), true}) {
		t.Errorf("%+v", result)
	}
	expectContent(t, directory+"/a/b/file", "héllo\n")
	expectNames(t, directory+"/a/b", "file")
	if mode := modeOf(t, directory+"/a/b/file"); mode != 0o644 {
		t.Errorf("mode %o", mode)
	}
}

func TestWriteReplacesAFileAndKeepsItsMode(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	makeFile(t, path, "a long first content")
	must(t, os.Chmod(path, 0o751|os.ModeSetgid))
	var result writeResult
	c.do("write", params{"path": path}, "short").into(&result)
	if result != (writeResult{5, sha("short"), false}) {
		t.Errorf("%+v", result)
	}
	expectContent(t, path, "short")
	if mode := modeOf(t, path); mode != 0o751|os.ModeSetgid {
		t.Errorf("mode %o", mode)
	}
	c.do("write", params{"path": path, "mode": 0o600}, "")
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	c.fails(wire.InvalidArgument, "write", params{"path": path, "mode": 0o10000}, "x")
	c.fails(wire.InvalidArgument, "write", params{"path": path, "mode": -1}, "x")
}

func TestWriteFollowsLinksToTheFile(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/real/target", "one")
	for name, target := range map[string]string{
		"relative":         "real/target",
		"real/beside":      "target",
		"absolute":         directory + "/real/target",
		"chain":            "relative",
		"new":              "made/by/link",
		"real/../new-here": "new-file",
	} {
		must(t, os.Symlink(target, directory+"/"+name))
	}
	for _, name := range []string{"relative", "real/beside", "absolute", "chain"} {
		c.do("write", params{"path": directory + "/" + name}, name)
		expectContent(t, directory+"/real/target", name)
	}
	c.do("write", params{"path": directory + "/new"}, "made")
	expectContent(t, directory+"/made/by/link", "made")
	c.do("write", params{"path": directory + "/new-here"}, "made")
	expectContent(t, directory+"/new-file", "made")
	if modeOf(t, directory+"/new")&os.ModeSymlink == 0 || modeOf(t, directory+"/chain")&os.ModeSymlink == 0 {
		t.Error("a link was replaced")
	}
	must(t, os.Symlink("real/", directory+"/folder"))
	must(t, os.Symlink("..", directory+"/real/up"))
	c.fails(wire.IsDirectory, "write", params{"path": directory + "/folder"}, "x")
	c.fails(wire.IsDirectory, "write", params{"path": directory + "/real/up"}, "x")
}

func TestWriteFollowsAsManyLinksAsLinux(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/0", "x")
	for i := 1; i <= 41; i++ {
		must(t, os.Symlink(fmt.Sprint(i-1), fmt.Sprintf("%s/%d", directory, i)))
	}
	c.do("write", params{"path": directory + "/40"}, "forty")
	expectContent(t, directory+"/0", "forty")
	expectContent(t, directory+"/40", "forty")
	c.fails(wire.InvalidPath, "write", params{"path": directory + "/41"}, "x")
}

func TestWriteFailsOnWhatIsNoFile(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	c.fails(wire.IsDirectory, "write", params{"path": directory}, "x")
	c.fails(wire.IsDirectory, "write", params{"path": "/"}, "x")
	c.fails(wire.NotDirectory, "write", params{"path": directory + "/file/child"}, "x")
	c.fails(wire.NotDirectory, "write", params{"path": directory + "/file/deep/child"}, "x")
	expectContent(t, directory+"/file", "x")
	expectNames(t, directory, "file")
}

func TestWriteTakesThePathThatIsAsLongAsAPathCanBe(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	path := directory
	for len(path)+201 < MaxPathBytes {
		path += "/" + strings.Repeat("d", 199)
	}
	path += "/" + strings.Repeat("f", MaxPathBytes-len(path)-1)
	c.do("write", params{"path": path}, "x")
	c.do("edit", params{"path": path, "oldBytes": 1, "newBytes": 1}, "xy")
	if call := c.do("read", params{"path": path, "offset": 0, "limit": nil}, ""); call.body.String() != "y" {
		t.Errorf("%q", call.body.String())
	}
	c.do("remove", params{"path": directory + "/" + strings.Repeat("d", 199), "recursive": true}, "")
}

func TestWriteDependsOnTheHash(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	c.fails(wire.Conflict, "write", params{"path": path, "ifHash": sha("")}, "x")
	expectNames(t, filepath.Dir(path))
	c.do("write", params{"path": path, "ifHash": nil}, "one")
	c.fails(wire.Conflict, "write", params{"path": path, "ifHash": nil}, "two")
	c.fails(wire.Conflict, "write", params{"path": path, "ifHash": sha("two")}, "two")
	expectContent(t, path, "one")
	c.do("write", params{"path": path, "ifHash": sha("one")}, "two")
	c.do("write", params{"path": path}, "three")
	expectContent(t, path, "three")
	expectNames(t, filepath.Dir(path), "file")
}

// outcomes makes calls side by side, on connections of their own, and counts how they ended.
func outcomes(t *testing.T, count int, call func(c *client, index int) *testCall) map[wire.Code]int {
	methods := Methods()
	codes := map[wire.Code]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for index := 0; index < count; index++ {
		c := connect(t, methods)
		all.Add(1)
		go func(index int) {
			defer all.Done()
			code := call(c, index).wait()
			mu.Lock()
			codes[code]++
			mu.Unlock()
		}(index)
	}
	all.Wait()
	return codes
}

func TestOneOfSeveralWritersWins(t *testing.T) {
	directory := t.TempDir()
	must(t, os.Symlink("file", directory+"/link"))
	for round := 0; round < 20; round++ {
		_ = os.Remove(directory + "/file")
		codes := outcomes(t, 8, func(c *client, index int) *testCall {
			// By whatever path they come.
			path := directory + []string{"/file", "/link"}[index%2]
			return c.call("write", params{"path": path, "ifHash": nil}, fmt.Sprint(index))
		})
		if codes[""] != 1 || codes[wire.Conflict] != 7 {
			t.Fatalf("%v", codes)
		}
		makeFile(t, directory+"/file", "base")
		codes = outcomes(t, 8, func(c *client, index int) *testCall {
			return c.call("write", params{"path": directory + "/file", "ifHash": sha("base")}, fmt.Sprint(index))
		})
		if codes[""] != 1 || codes[wire.Conflict] != 7 {
			t.Fatalf("%v", codes)
		}
	}
	expectNames(t, directory, "file", "link")
}

// writeHalf begins a write, and returns once its draft is there.
func writeHalf(t *testing.T, c *client, path string) *testCall {
	t.Helper()
	call := c.open("write", params{"path": path})
	call.sendBody(strings.NewReader(strings.Repeat("half", 100_000)))
	awaitDraft(t, filepath.Dir(path), true)
	return call
}

func awaitDraft(t *testing.T, directory string, there bool) {
	t.Helper()
	for end := time.Now().Add(testDeadline); time.Now().Before(end); time.Sleep(time.Millisecond) {
		entries, err := os.ReadDir(directory)
		must(t, err)
		found := false
		for _, entry := range entries {
			found = found || IsDraft(entry.Name())
		}
		if found == there {
			return
		}
	}
	t.Fatalf("a draft in %s: still %v", directory, !there)
}

func TestWriteThatIsBrokenOffChangesNothing(t *testing.T) {
	directory := t.TempDir()
	path := directory + "/file"
	makeFile(t, path, "old")
	c := agent(t)
	call := writeHalf(t, c, path)
	if len(c.list(directory)) != 1 {
		t.Error("a list tells of the draft")
	}
	call.cancel()
	if code := call.wait(); code != wire.Aborted {
		t.Errorf("%v", call.err)
	}
	expectNames(t, directory, "file")

	writeHalf(t, c, path)
	c.disconnect()
	awaitDraft(t, directory, false)
	expectContent(t, path, "old")
	expectNames(t, directory, "file")
}

func TestWriteIntoADirectoryThatIsRemovedMeanwhileFails(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	must(t, os.Mkdir(directory+"/gone", 0o755))
	call := writeHalf(t, c, directory+"/gone/file")
	must(t, os.RemoveAll(directory+"/gone"))
	call.end()
	if code := call.wait(); code != wire.NotFound {
		t.Errorf("%v", call.err)
	}
	expectNames(t, directory)
}

func TestWriteToWhatBecomesALinkMeanwhileIsAConflict(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "old")
	makeFile(t, directory+"/other", "other")
	call := writeHalf(t, c, directory+"/file")
	must(t, os.Remove(directory+"/file"))
	must(t, os.Symlink("other", directory+"/file"))
	call.end()
	if code := call.wait(); code != wire.Conflict {
		t.Errorf("%v", call.err)
	}
	expectContent(t, directory+"/other", "other")
	expectNames(t, directory, "file", "other")
}

func TestWriteThatFindsNoSpaceSaysSoAndLeavesNothing(t *testing.T) {
	directory := smallDisk(t)
	c := agent(t)
	c.do("write", params{"path": directory + "/file"}, "old")
	c.fails(wire.NoSpace, "write", params{"path": directory + "/file"}, strings.Repeat("x", 3<<20))
	expectContent(t, directory+"/file", "old")
	expectNames(t, directory, "file")
	c.do("write", params{"path": directory + "/file"}, "new")
}

// smallDisk is a file system of 1 MiB, which takes a privileged user to make.
func smallDisk(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=1m,mode=777"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(directory, syscall.MNT_DETACH) })
	return directory
}
