package files

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"carrel-agent/wire"
)

func TestMoveRenamesFilesDirectoriesAndLinks(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	makeFile(t, directory+"/folder/a/file", "y")
	must(t, os.Symlink("absent", directory+"/link"))
	must(t, syscall.Mkfifo(directory+"/fifo", 0o600))
	for _, name := range []string{"file", "folder", "link", "fifo"} {
		c.do("move", params{"from": directory + "/" + name, "to": directory + "/to/" + name}, "")
	}
	expectNames(t, directory, "to")
	expectContent(t, directory+"/to/file", "x")
	expectContent(t, directory+"/to/folder/a/file", "y")
	if target, err := os.Readlink(directory + "/to/link"); target != "absent" {
		t.Errorf("%q %v", target, err)
	}
	c.do("move", params{"from": directory + "/to/file", "to": directory + "/to/file"}, "")
	expectContent(t, directory+"/to/file", "x")
}

func TestMoveKeepsWhatIsAtTheTarget(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/from", "new")
	makeFile(t, directory+"/to", "old")
	makeFile(t, directory+"/folder/file", "y")
	must(t, os.Mkdir(directory+"/empty", 0o755))
	must(t, os.Symlink("to", directory+"/link"))
	move := func(from, to string, overwrite bool) params {
		return params{"from": directory + from, "to": directory + to, "overwrite": overwrite}
	}
	c.fails(wire.AlreadyExists, "move", move("/from", "/to", false), "")
	c.fails(wire.AlreadyExists, "move", move("/from", "/link", false), "")
	for _, overwrite := range []bool{false, true} {
		c.fails(wire.IsDirectory, "move", move("/from", "/folder", overwrite), "")
		c.fails(wire.IsDirectory, "move", move("/folder", "/empty", overwrite), "")
		c.fails(wire.InvalidPath, "move", move("/folder", "/folder/inner", overwrite), "")
		c.fails(wire.InvalidPath, "move", move("/folder", "/folder/a/b", overwrite), "")
		c.fails(wire.NotFound, "move", move("/absent", "/made/x", overwrite), "")
		c.fails(wire.NotFound, "move", move("/from/child", "/made/x", overwrite), "")
		c.fails(wire.NotDirectory, "move", move("/from", "/to/child", overwrite), "")
		c.fails(wire.InvalidPath, "move", params{"from": "/", "to": directory + "/x", "overwrite": overwrite}, "")
		c.fails(wire.IsDirectory, "move", params{"from": directory + "/from", "to": "/", "overwrite": overwrite}, "")
	}
	expectNames(t, directory, "empty", "folder", "from", "link", "to")
	expectNames(t, directory+"/folder", "file")
	c.do("move", move("/from", "/to", true), "")
	expectContent(t, directory+"/to", "new")
	expectNames(t, directory, "empty", "folder", "link", "to")
	c.do("move", move("/folder", "/folder-2/inner", false), "")
	expectContent(t, directory+"/folder-2/inner/file", "y")
}

func TestMoveOverAnotherNameOfTheSameFileLeavesOne(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/one", "x")
	must(t, os.Link(directory+"/one", directory+"/two"))
	c.do("move", params{"from": directory + "/one", "to": directory + "/two", "overwrite": true}, "")
	expectNames(t, directory, "two")
	expectContent(t, directory+"/two", "x")
}

func TestOneOfSeveralFilesTakesAFreeName(t *testing.T) {
	directory := t.TempDir()
	for round := 0; round < 20; round++ {
		for index := 0; index < 8; index++ {
			makeFile(t, fmt.Sprintf("%s/%d", directory, index), fmt.Sprint(index))
		}
		_ = os.Remove(directory + "/target")
		codes := outcomes(t, 8, func(c *client, index int) *testCall {
			return c.call("move", params{"from": fmt.Sprintf("%s/%d", directory, index), "to": directory + "/target"}, "")
		})
		if codes[""] != 1 || codes[wire.AlreadyExists] != 7 {
			t.Fatalf("%v", codes)
		}
	}
}

func TestMoveCarriesFilesToAnotherFileSystem(t *testing.T) {
	c, directory, disk := agent(t), t.TempDir(), smallDisk(t)
	made := time.Unix(981_173_106, 123_000_000)
	makeFile(t, directory+"/file", "content")
	must(t, os.Chmod(directory+"/file", 0o751))
	must(t, os.Chtimes(directory+"/file", made, made))
	makeFile(t, directory+"/large", string(make([]byte, 2<<20)))
	makeFile(t, directory+"/folder/file", "x")
	c.do("move", params{"from": directory + "/file", "to": disk + "/a/file"}, "")
	expectContent(t, disk+"/a/file", "content")
	stat, err := os.Stat(disk + "/a/file")
	must(t, err)
	if stat.Mode() != 0o751 || !stat.ModTime().Equal(made) {
		t.Errorf("%v %v", stat.Mode(), stat.ModTime())
	}
	c.fails(wire.NoSpace, "move", params{"from": directory + "/large", "to": disk + "/large"}, "")
	c.fails(wire.Unsupported, "move", params{"from": directory + "/folder", "to": disk + "/folder"}, "")
	makeFile(t, directory+"/file", "newer")
	c.fails(wire.AlreadyExists, "move", params{"from": directory + "/file", "to": disk + "/a/file"}, "")
	expectNames(t, directory, "file", "folder", "large")
	expectNames(t, disk, "a")
	c.do("move", params{"from": directory + "/file", "to": disk + "/a/file", "overwrite": true}, "")
	expectContent(t, disk+"/a/file", "newer")
	expectNames(t, disk+"/a", "file")
	expectNames(t, directory, "folder", "large")
}

func TestMkdirMakesADirectoryAndItsParents(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	must(t, os.Symlink("a", directory+"/link"))
	must(t, os.Symlink("absent", directory+"/dangling"))
	for _, path := range []string{directory + "/a/b/c", directory + "/a", directory + "/link", directory + "/link/d", "/", directory} {
		c.do("mkdir", params{"path": path}, "")
	}
	expectNames(t, directory+"/a", "b", "d")
	if mode := modeOf(t, directory+"/a/b"); mode != os.ModeDir|0o755 {
		t.Errorf("%v", mode)
	}
	c.fails(wire.AlreadyExists, "mkdir", params{"path": directory + "/file"}, "")
	c.fails(wire.AlreadyExists, "mkdir", params{"path": directory + "/dangling"}, "")
	c.fails(wire.NotDirectory, "mkdir", params{"path": directory + "/file/child"}, "")
	c.fails(wire.NotDirectory, "mkdir", params{"path": directory + "/file/child/deep"}, "")
	codes := outcomes(t, 8, func(c *client, _ int) *testCall {
		return c.call("mkdir", params{"path": directory + "/x/y/z"}, "")
	})
	if codes[""] != 8 {
		t.Errorf("%v", codes)
	}
}
