package files

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"carrel-agent/wire"
)

func TestReadGivesTheBytesThatAreAskedFor(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	makeFile(t, path, "0123456789")
	for _, test := range []struct {
		offset, limit any
		want          string
	}{
		{0, nil, "0123456789"}, {7, nil, "789"}, {0, 3, "012"}, {4, 2, "45"}, {0, 0, ""},
		{8, 100, "89"}, {10, nil, ""}, {int64(1e12), 5, ""},
	} {
		call := c.do("read", params{"path": path, "offset": test.offset, "limit": test.limit}, "")
		if call.body.String() != test.want || string(call.result) != `{"found":true}` {
			t.Errorf("from %v, %v bytes: %q %s", test.offset, test.limit, call.body.String(), call.result)
		}
	}
	for _, offset := range []any{-1, 1.5, 1e300} {
		c.fails(wire.InvalidArgument, "read", params{"path": path, "offset": offset, "limit": nil}, "")
	}
	c.fails(wire.InvalidArgument, "read", params{"path": path, "offset": 0, "limit": -1}, "")
}

func TestReadTellsThatNothingIsThere(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	must(t, os.Symlink("absent", directory+"/dangling"))
	for _, name := range []string{"absent", "absent/file", "file/child", "dangling"} {
		call := c.do("read", params{"path": directory + "/" + name, "offset": 0, "limit": nil}, "")
		if string(call.result) != `{"found":false}` {
			t.Errorf("%s: %s", name, call.result)
		}
		c.fails(wire.NotFound, "readStream", params{"path": directory + "/" + name}, "")
	}
}

func TestReadIsBoundedByWhatItRead(t *testing.T) {
	c, path := agent(t), filepath.Join(t.TempDir(), "file")
	makeFile(t, path, strings.Repeat("x", maxReadBytes))
	if call := c.do("read", params{"path": path, "offset": 0, "limit": nil}, ""); call.taken != maxReadBytes {
		t.Errorf("%d bytes", call.taken)
	}
	must(t, os.Truncate(path, maxReadBytes+1))
	c.fails(wire.TooLarge, "read", params{"path": path, "offset": 0, "limit": nil}, "")
	c.fails(wire.TooLarge, "read", params{"path": path, "offset": 0, "limit": maxReadBytes + 1}, "")
	c.do("read", params{"path": path, "offset": 1, "limit": nil}, "")
	must(t, os.Truncate(path, 1<<40))
	c.fails(wire.TooLarge, "read", params{"path": path, "offset": 0, "limit": nil}, "")
	if call := c.do("read", params{"path": path, "offset": int64(1 << 39), "limit": 10}, ""); call.taken != 10 {
		t.Errorf("%d bytes of a hole", call.taken)
	}
}

func TestReadsFilesThatSayTheyAreEmpty(t *testing.T) {
	c := agent(t)
	call := c.do("read", params{"path": "/proc/self/status", "offset": 0, "limit": nil}, "")
	if !strings.HasPrefix(call.body.String(), "Name:") {
		t.Errorf("%q", call.body.String())
	}
}

func TestOpensNothingButRegularFiles(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	fifo, socket := directory+"/fifo", directory+"/socket"
	must(t, syscall.Mkfifo(fifo, 0o666))
	listener, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, err)
	defer syscall.Close(listener)
	must(t, syscall.Bind(listener, &syscall.SockaddrUnix{Name: socket}))
	must(t, os.Symlink(fifo, directory+"/link"))
	for _, path := range []string{fifo, socket, directory + "/link", "/dev/zero", "/dev/tty", "/dev/null"} {
		c.fails(wire.NotRegular, "read", params{"path": path, "offset": 0, "limit": nil}, "")
		c.fails(wire.NotRegular, "readStream", params{"path": path}, "")
		c.fails(wire.NotRegular, "write", params{"path": path}, "x")
		c.fails(wire.NotRegular, "edit", params{"path": path, "oldBytes": 1, "newBytes": 0}, "x")
	}
	c.fails(wire.IsDirectory, "read", params{"path": directory, "offset": 0, "limit": nil}, "")
	c.fails(wire.IsDirectory, "readStream", params{"path": "/"}, "")
	// A writer that waits for a reader of the FIFO would have been let in.
	if _, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err != syscall.ENXIO {
		t.Errorf("somebody holds the FIFO: %v", err)
	}
}

func TestLinksInACircleEndInAnError(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	must(t, os.Symlink("b", directory+"/a"))
	must(t, os.Symlink("a", directory+"/b"))
	path := directory + "/a"
	c.fails(wire.InvalidPath, "read", params{"path": path, "offset": 0, "limit": nil}, "")
	c.fails(wire.InvalidPath, "readStream", params{"path": path}, "")
	c.fails(wire.InvalidPath, "ls", params{"path": path}, "")
	c.fails(wire.InvalidPath, "write", params{"path": path}, "x")
	c.fails(wire.InvalidPath, "write", params{"path": path + "/file"}, "x")
	c.fails(wire.InvalidPath, "edit", params{"path": path, "oldBytes": 1, "newBytes": 0}, "x")
	c.fails(wire.InvalidPath, "archive", params{"path": path}, "")
}

func TestStatTellsWhatStandsAtAPath(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "five!")
	must(t, os.Chmod(directory+"/file", 0o640|os.ModeSetuid))
	must(t, os.Symlink("file", directory+"/link"))
	must(t, syscall.Mkfifo(directory+"/fifo", 0o600))
	for path, want := range map[string]Info{
		directory + "/file": {Type: "file", Size: 5, Mode: 0o4640},
		directory + "/link": {Type: "symlink", Size: 4, Mode: 0o777},
		directory + "/fifo": {Type: "other", Mode: 0o600},
		"/proc":             {Type: "directory", Mode: 0o555},
	} {
		var result statResult
		c.do("stat", params{"path": path}, "").into(&result)
		want.Path, want.MtimeMs = wire.Bytes(path), result.Info.MtimeMs
		if *result.Info != want {
			t.Errorf("%+v, not %+v", *result.Info, want)
		}
	}
	for _, name := range []string{"absent", "absent/child", "file/child"} {
		if call := c.do("stat", params{"path": directory + "/" + name}, ""); string(call.result) != `{"info":null}` {
			t.Errorf("%s: %s", name, call.result)
		}
	}
}

func TestNumbersOfAFileStayWithinWhatAReaderCanHold(t *testing.T) {
	stat := syscall.Stat_t{Size: 1<<63 - 1, Mode: syscall.S_IFREG | 0o644, Mtim: syscall.Timespec{Sec: 1<<63 - 1, Nsec: 999_999_999}}
	if info := InfoOf("/x", &stat); info.Size != maxExact || info.MtimeMs != maxTimeMs {
		t.Errorf("%+v", info)
	}
	stat.Mtim = syscall.Timespec{Sec: -1 << 63, Nsec: 1}
	if info := InfoOf("/x", &stat); info.MtimeMs != -maxTimeMs {
		t.Errorf("%+v", info)
	}
	stat.Mtim = syscall.Timespec{Sec: -1, Nsec: 500_000_000}
	if info := InfoOf("/x", &stat); info.MtimeMs != -500 {
		t.Errorf("%+v", info)
	}
}

func TestInfoIsWrittenAsJSONWouldBe(t *testing.T) {
	for _, path := range []string{"/a", "/\"\\\n\x01", "/é\U0001f600", "/\xff\xfe-\xc3", "/<&>\u2028"} {
		info := Info{Path: wire.Bytes(path), Type: "file", Size: maxExact, Mode: 0o7777, MtimeMs: -5}
		want, err := json.Marshal(info)
		must(t, err)
		var byHand, byLibrary Info
		must(t, json.Unmarshal(info.AppendJSON(nil), &byHand))
		must(t, json.Unmarshal(want, &byLibrary))
		if byHand != byLibrary || byHand != info {
			t.Errorf("%s, not %s", info.AppendJSON(nil), want)
		}
	}
}
