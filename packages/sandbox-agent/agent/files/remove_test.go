package files

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"carrel-agent/wire"
)

func (c *client) removes(path string, recursive bool) bool {
	c.t.Helper()
	var result removeResult
	c.do("remove", params{"path": path, "recursive": recursive}, "").into(&result)
	return result.Removed
}

func TestRemoveTellsWhetherSomethingWasThere(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	must(t, os.Chmod(directory+"/file", 0o444))
	must(t, os.Mkdir(directory+"/folder", 0o755))
	for _, name := range []string{"absent", "absent/child", "file/child"} {
		if c.removes(directory+"/"+name, false) || c.removes(directory+"/"+name, true) {
			t.Errorf("%s was there", name)
		}
	}
	if !c.removes(directory+"/file", true) || !c.removes(directory+"/folder", false) {
		t.Error("nothing was there")
	}
	expectNames(t, directory)
}

func TestRemoveKeepsADirectoryThatIsNotEmpty(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/folder/.hidden", "x")
	c.fails(wire.IsDirectory, "remove", params{"path": directory + "/folder"}, "")
	expectContent(t, directory+"/folder/.hidden", "x")
	c.fails(wire.InvalidPath, "remove", params{"path": "/", "recursive": true}, "")
}

func TestRemoveFollowsNoLink(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/kept/file", "x")
	must(t, os.MkdirAll(directory+"/outer/inner", 0o755))
	for _, name := range []string{"link", "outer/link", "outer/inner/link"} {
		must(t, os.Symlink(directory+"/kept", directory+"/"+name))
	}
	must(t, syscall.Mkfifo(directory+"/outer/fifo", 0o600))
	if !c.removes(directory+"/link", true) || !c.removes(directory+"/outer", true) {
		t.Error("nothing was there")
	}
	expectNames(t, directory, "kept")
	expectContent(t, directory+"/kept/file", "x")
}

// deepTree makes a tree that no path reaches the end of.
func deepTree(t *testing.T, directory string, depth int) {
	t.Helper()
	name := strings.Repeat("d", 100)
	current, err := OpenDirectory(directory)
	must(t, err)
	for level := 0; level < depth; level++ {
		must(t, syscall.Mkdirat(current.descriptor, name, 0o755))
		next, err := current.Enter(name)
		must(t, err)
		current.Close()
		current = next
	}
	descriptor, err := openAt(current.descriptor, "file", syscall.O_CREAT|syscall.O_WRONLY, 0o644)
	must(t, err)
	must(t, writeAll(descriptor, []byte("deep")))
	closeDescriptor(descriptor)
	current.Close()
}

func TestRemovesATreeDeeperThanAPathCanBe(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	deepTree(t, directory+"", 1000)
	before := openDescriptors(t)
	if !c.removes(directory+"/"+strings.Repeat("d", 100), true) {
		t.Error("nothing was there")
	}
	expectNames(t, directory)
	expectDescriptors(t, before)
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// expectDescriptors waits: a call has its result before it gave everything back.
func expectDescriptors(t *testing.T, count int) {
	t.Helper()
	for end := time.Now().Add(testDeadline); openDescriptors(t) > count; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors are open, not %d", openDescriptors(t), count)
		}
	}
}

func TestRemovesADirectoryWithManyEntries(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	for i := 0; i < 2*entriesAtOnce+1; i++ {
		makeFile(t, fmt.Sprintf("%s/all/%d", directory, i), "")
	}
	c.removes(directory+"/all", true)
	expectNames(t, directory)
}

// Somebody exchanges a directory of the tree with a link to what has to stay, and with that directory.
func TestRemoveStaysInItsTreeWhileItIsExchanged(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/kept/a/b/file", "x")
	stop := make(chan struct{})
	var exchanging sync.WaitGroup
	exchanging.Add(1)
	go func() {
		defer exchanging.Done()
		for {
			select {
			case <-stop:
				return
			default:
				_ = renameAt(atWorking, directory+"/tree/a/b", atWorking, directory+"/tree/link", 2)
			}
		}
	}()
	for round := 0; round < 50; round++ {
		makeFile(t, directory+"/tree/a/b/c/file", "x")
		_ = os.Symlink(directory+"/kept", directory+"/tree/link")
		c.removes(directory+"/tree", true)
	}
	close(stop)
	exchanging.Wait()
	expectContent(t, directory+"/kept/a/b/file", "x")
	expectNames(t, directory, "kept")
}

func TestWalkEndsWhereADirectoryWasMovedAway(t *testing.T) {
	directory := t.TempDir()
	names := make([]string, openLevels+3)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	must(t, os.MkdirAll(directory+"/"+strings.Join(names, "/"), 0o755))
	start, err := OpenDirectory(directory)
	must(t, err)
	defer start.Close()
	walk, err := newTrail(start, "0", nil)
	must(t, err)
	defer walk.close()
	for _, name := range names {
		child, err := walk.top().directory.Enter(name)
		must(t, err)
		must(t, walk.enter(name, child))
	}
	must(t, os.Rename(directory+"/0/1/2", directory+"/moved"))
	for walk.depth() > 3 {
		_, err = walk.leave()
		must(t, err)
	}
	if _, err = walk.leave(); err == nil || walk.depth() != 3 {
		t.Error("the walk went on elsewhere")
	}
}

func TestRemoveEndsWhenItIsGivenUp(t *testing.T) {
	directory := t.TempDir()
	makeFile(t, directory+"/tree/file", "x")
	parent, err := OpenDirectory(directory)
	must(t, err)
	defer parent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := removeTree(ctx, parent, "tree", nil); err == nil {
		t.Error("it went on")
	}
	expectContent(t, directory+"/tree/file", "x")
}

func TestRemoveKeepsWhatIsInAMountPoint(t *testing.T) {
	c, directory := agent(t), smallDisk(t)
	makeFile(t, directory+"/file", "x")
	c.fails(wire.InvalidPath, "remove", params{"path": directory, "recursive": true}, "")
	c.fails(wire.InvalidPath, "move", params{"from": directory, "to": directory + "-2"}, "")
	expectContent(t, directory+"/file", "x")
}

func TestOneOfSeveralRemovesIt(t *testing.T) {
	directory := t.TempDir()
	makeFile(t, directory+"/file", "x")
	removed := make(chan bool, 8)
	outcomes(t, 8, func(c *client, _ int) *testCall {
		call := c.call("remove", params{"path": directory + "/file"}, "")
		removed <- strings.Contains(string(call.result), "true")
		return call
	})
	close(removed)
	count := 0
	for did := range removed {
		if did {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d of them", count)
	}
}
