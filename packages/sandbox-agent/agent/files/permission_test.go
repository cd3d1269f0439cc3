package files

import (
	"os"
	"syscall"
	"testing"

	"carrel-agent/wire"
)

const user = 12_345

// asUser runs as somebody without privileges, as the agent does in a sandbox, and as root again
// afterwards. Tests run one after the other.
func asUser(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	directory, err := os.MkdirTemp("", "carrel-files-")
	must(t, err)
	must(t, os.Chown(directory, user, user))
	groups, err := syscall.Getgroups()
	must(t, err)
	must(t, syscall.Setgroups(nil))
	must(t, syscall.Setresgid(user, user, 0))
	must(t, syscall.Setresuid(user, user, 0))
	t.Cleanup(func() {
		asRoot(t)
		must(t, syscall.Setresgid(0, 0, 0))
		must(t, syscall.Setgroups(groups))
		must(t, os.RemoveAll(directory))
	})
	return directory
}

func asRoot(t *testing.T) { must(t, syscall.Setresuid(0, 0, 0)) }

// rootDoes is what somebody else does in the user's directory.
func rootDoes(t *testing.T, work func()) {
	t.Helper()
	asRoot(t)
	work()
	must(t, syscall.Setresuid(user, user, 0))
}

func TestEveryMethodIsRefusedWhatTheUserIs(t *testing.T) {
	directory := asUser(t)
	c := agent(t)
	makeFile(t, directory+"/locked/file", "x")
	makeFile(t, directory+"/unreadable", "x")
	makeFile(t, directory+"/file", "x")
	must(t, os.Chmod(directory+"/unreadable", 0))
	must(t, os.Chmod(directory+"/locked", 0))
	defer os.Chmod(directory+"/locked", 0o700)
	locked, inside := directory+"/locked", directory+"/locked/file"
	for _, call := range []struct {
		method string
		with   params
	}{
		{"stat", params{"path": inside}},
		{"ls", params{"path": locked}},
		{"read", params{"path": inside, "offset": 0, "limit": nil}},
		{"read", params{"path": directory + "/unreadable", "offset": 0, "limit": nil}},
		{"readStream", params{"path": directory + "/unreadable"}},
		{"write", params{"path": inside}},
		{"write", params{"path": directory + "/unreadable"}},
		{"write", params{"path": locked + "/new/file"}},
		{"write", params{"path": "/etc/new"}},
		{"edit", params{"path": inside, "oldBytes": 1, "newBytes": 0}},
		{"edit", params{"path": directory + "/unreadable", "oldBytes": 1, "newBytes": 0}},
		{"remove", params{"path": inside}},
		{"remove", params{"path": locked, "recursive": true}},
		{"move", params{"from": inside, "to": directory + "/moved"}},
		{"move", params{"from": directory + "/file", "to": locked + "/moved"}},
		{"mkdir", params{"path": locked + "/new"}},
		{"mkdir", params{"path": "/etc/new"}},
		{"archive", params{"path": locked}},
		{"archive", params{"path": directory}},
		{"watch", params{"path": locked}},
	} {
		c.fails(wire.PermissionDenied, call.method, call.with, "x")
	}
	if told := c.usage(60_000, directory); told.complete || told.bytes == 0 {
		t.Errorf("%+v", told)
	}
	expectNames(t, directory, "file", "locked", "unreadable")
}

func TestWriteRefusesAFileThatMayNotBeWritten(t *testing.T) {
	directory := asUser(t)
	c := agent(t)
	makeFile(t, directory+"/mine", "x")
	must(t, os.Chmod(directory+"/mine", 0o444))
	c.fails(wire.PermissionDenied, "write", params{"path": directory + "/mine"}, "y")
	c.fails(wire.PermissionDenied, "edit", params{"path": directory + "/mine", "oldBytes": 1, "newBytes": 1}, "xy")
	expectContent(t, directory+"/mine", "x")
	if !c.removes(directory+"/mine", false) {
		t.Error("nothing was there")
	}
}

func TestWriteTakesNoFileFromItsOwner(t *testing.T) {
	directory := asUser(t)
	c := agent(t)
	rootDoes(t, func() {
		for name, mode := range map[string]os.FileMode{"readable": 0o644, "writable": 0o666} {
			makeFile(t, directory+"/"+name, "root's")
			must(t, os.Chmod(directory+"/"+name, mode))
		}
	})
	for _, name := range []string{"readable", "writable"} {
		c.fails(wire.PermissionDenied, "write", params{"path": directory + "/" + name}, "y")
		expectContent(t, directory+"/"+name, "root's")
	}
	expectNames(t, directory, "readable", "writable")
}

func TestRootKeepsTheOwnerOfWhatItReplaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	c, path := agent(t), t.TempDir()+"/file"
	makeFile(t, path, "one")
	must(t, os.Chown(path, user, user))
	must(t, os.Chmod(path, 0o755|os.ModeSetuid))
	c.do("write", params{"path": path}, "two")
	var stat syscall.Stat_t
	must(t, syscall.Stat(path, &stat))
	if stat.Uid != user || stat.Gid != user || stat.Mode&modeBits != 0o4755 {
		t.Errorf("uid %d gid %d mode %o", stat.Uid, stat.Gid, stat.Mode)
	}
}

// A directory that may be entered but not read is enough to write in it.
func TestWriteNeedsNoRightToListTheDirectory(t *testing.T) {
	directory := asUser(t)
	c := agent(t)
	must(t, os.Mkdir(directory+"/folder", 0o300))
	c.do("write", params{"path": directory + "/folder/a/file"}, "x")
	c.do("mkdir", params{"path": directory + "/folder/b/c"}, "")
	c.do("move", params{"from": directory + "/folder/a/file", "to": directory + "/folder/file"}, "")
	c.do("edit", params{"path": directory + "/folder/file", "oldBytes": 1, "newBytes": 1}, "xy")
	c.do("remove", params{"path": directory + "/folder/b", "recursive": true}, "")
	expectContent(t, directory+"/folder/file", "y")
	if code := c.call("ls", params{"path": directory + "/folder"}, "").wait(); code != wire.PermissionDenied {
		t.Errorf("%v", code)
	}
}

func TestWriteBeyondTheUsersLimitIsTooLarge(t *testing.T) {
	c, path := agent(t), t.TempDir()+"/file"
	makeFile(t, path, "old")
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100_000, Max: before.Max}))
	defer func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }()
	c.do("write", params{"path": path}, string(make([]byte, 100_000)))
	// One byte more, and the kernel would end the whole agent by SIGXFSZ.
	c.fails(wire.TooLarge, "write", params{"path": path}, string(make([]byte, 100_001)))
	expectNames(t, path[:len(path)-len("/file")], "file")
}

func TestTranslatesEveryErrorIntoACodeOfTheProtocol(t *testing.T) {
	for errno, code := range map[syscall.Errno]wire.Code{
		syscall.ENOSPC: wire.NoSpace, syscall.EDQUOT: wire.NoSpace, syscall.EFBIG: wire.TooLarge,
		syscall.EROFS: wire.PermissionDenied, syscall.ELOOP: wire.InvalidPath, syscall.ENAMETOOLONG: wire.InvalidPath,
		syscall.EMFILE: wire.Capacity, syscall.EIO: wire.Unavailable, syscall.ESTALE: wire.Unavailable,
	} {
		known, ok := Translate("write", "/x", errno).(*wire.Error)
		if !ok || known.Code != code {
			t.Errorf("%v is %v, not %s", errno, known, code)
		}
	}
	if Translate("write", "/x", nil) != nil {
		t.Error("an error where there is none")
	}
	if known := Translate("write", "/x", Translate("read", "/y", syscall.ENOENT)).(*wire.Error); known.Code != wire.NotFound {
		t.Errorf("%v", known)
	}
}
