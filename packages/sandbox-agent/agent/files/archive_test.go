package files

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"carrel-agent/wire"
)

type packed struct {
	header  *tar.Header
	content string
}

func unpack(t *testing.T, body io.Reader) map[string]packed {
	t.Helper()
	entries := map[string]packed{}
	for reader := tar.NewReader(body); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return entries
		}
		must(t, err)
		content, err := io.ReadAll(reader)
		must(t, err)
		entries[header.Name] = packed{header, string(content)}
	}
}

func (c *client) archived(path string) map[string]packed {
	c.t.Helper()
	return unpack(c.t.(*testing.T), &c.do("archive", params{"path": path}, "").body)
}

func keys(entries map[string]packed) []string {
	names := []string{}
	for name := range entries {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func TestArchivePacksWhatIsThere(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	box := directory + "/box"
	long := strings.Repeat("n", 255)
	deep := strings.Repeat("d/", 150) + "f"
	contents := map[string]string{
		"a.txt": "one", ".hidden": "two", "empty": "", long: "long", deep: "deep", "a\nb": "line", "-rf": "dash",
		"日本語 \U0001f600": "script", "\xff\xfe": "bytes", "large": strings.Repeat("0123456789", 100_000),
	}
	for name, content := range contents {
		makeFile(t, box+"/"+name, content)
	}
	must(t, os.Chmod(box+"/a.txt", 0o750))
	must(t, os.Mkdir(box+"/folder", 0o700))
	must(t, os.Symlink("/etc/passwd", box+"/link"))
	must(t, syscall.Mkfifo(box+"/fifo", 0o600))
	makeFile(t, box+"/.carrel-0123456789abcdef.tmp", "a draft")
	makeFile(t, directory+"/beside", "not packed")
	entries := c.archived(box)
	for name, content := range contents {
		if entry, ok := entries["box/"+name]; !ok || entry.content != content {
			t.Errorf("%.20q is packed as %.20q", name, entry.content)
		}
	}
	if len(entries) != len(contents)+3+150 { // box, folder, link, the 150 d
		t.Errorf("%q", keys(entries))
	}
	if entry := entries["box/a.txt"]; entry.header.Mode != 0o750 || time.Since(entry.header.ModTime) > time.Hour {
		t.Errorf("%+v", entry.header)
	}
	if entry := entries["box/folder/"]; entry.header == nil || entry.header.Typeflag != tar.TypeDir || entry.header.Mode != 0o700 {
		t.Errorf("%+v", entry.header)
	}
	if entry := entries["box/link"]; entry.header.Typeflag != tar.TypeSymlink || entry.header.Linkname != "/etc/passwd" {
		t.Errorf("%+v", entry.header)
	}
}

func TestArchivePacksASingleFileAndFollowsTheLinkItWasGiven(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/folder/file", "x")
	must(t, os.Symlink("folder", directory+"/link"))
	if entries := c.archived(directory + "/folder/file"); len(entries) != 1 || entries["file"].content != "x" {
		t.Errorf("%q", keys(entries))
	}
	if names := keys(c.archived(directory + "/link")); strings.Join(names, " ") != "link/ link/file" {
		t.Errorf("%q", names)
	}
	must(t, syscall.Mkfifo(directory+"/fifo", 0o600))
	c.fails(wire.NotFound, "archive", params{"path": directory + "/absent"}, "")
	c.fails(wire.NotFound, "archive", params{"path": directory + "/folder/file/child"}, "")
	c.fails(wire.NotRegular, "archive", params{"path": directory + "/fifo"}, "")
}

func TestArchiveNamesNoOwnerAndNeedsNoRoomForOne(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	c, directory := agent(t), t.TempDir()
	must(t, os.WriteFile(directory+"/f", []byte("x"), 0o644))
	must(t, os.Chown(directory+"/f", 2_000_000_000, 2_000_000_000))
	body := c.do("archive", params{"path": directory + "/f"}, "").body
	// A header, a block of content, and two of zeros.
	if body.Len() > 4*512 {
		t.Errorf("the archive has %d bytes", body.Len())
	}
	if owner := unpack(t, &body)["f"].header; owner.Uid != 0 || owner.Gid != 0 {
		t.Errorf("the owner is %d:%d", owner.Uid, owner.Gid)
	}
}

func TestArchiveIsOneThatTarTakes(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/box/"+strings.Repeat("n", 200), "x")
	makeFile(t, directory+"/box/plain", "y")
	body := c.do("archive", params{"path": directory + "/box"}, "").body.Bytes()
	if string(body[257:262]) != "ustar" || len(body)%512 != 0 || !bytes.Equal(body[len(body)-1024:], make([]byte, 1024)) {
		t.Error("not as a tar begins and ends")
	}
	command := exec.Command("tar", "-xf", "-", "-C", t.TempDir())
	command.Stdin = bytes.NewReader(body)
	if output, err := command.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("%v: %s", err, output)
	}
}

func TestArchivePacksATreeDeeperThanAPathCanBe(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	deepTree(t, directory, 300)
	before := openDescriptors(t)
	entries := c.archived(directory + "/" + strings.Repeat("d", 100))
	if len(entries) != 301 {
		t.Errorf("%d entries", len(entries))
	}
	deepest := strings.Repeat(strings.Repeat("d", 100)+"/", 300) + "file"
	if entries[deepest].content != "deep" {
		t.Error("the file at its end is not packed")
	}
	expectDescriptors(t, before)
	c.removes(directory+"/"+strings.Repeat("d", 100), true)
	deepTree(t, directory, 700)
	c.fails(wire.TooLarge, "archive", params{"path": directory + "/" + strings.Repeat("d", 100)}, "")
	c.removes(directory+"/"+strings.Repeat("d", 100), true)
}

func TestArchiveStaysATarWhileFilesChange(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	must(t, os.MkdirAll(directory+"/box", 0o755))
	makeFile(t, directory+"/outside", strings.Repeat("root:", 1000))
	must(t, os.Symlink(directory+"/outside", directory+"/link"))
	stop := make(chan struct{})
	var changing sync.WaitGroup
	changing.Add(1)
	go func() {
		defer changing.Done()
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			default:
			}
			name := fmt.Sprintf("%s/box/%d", directory, round%8)
			switch round % 5 {
			case 0:
				changeFile(name, make([]byte, 200_000), 200_000)
			case 1:
				changeFile(name, nil, int64(round%1000))
			case 2:
				changeFile(name, nil, 300_000)
			case 3:
				_ = renameAt(atWorking, name, atWorking, directory+"/link", 2)
			case 4:
				_ = os.RemoveAll(name)
			}
		}
	}()
	for round := 0; round < 50; round++ {
		for name, entry := range c.archived(directory + "/box") {
			if strings.Contains(entry.content, "root:") {
				t.Errorf("%s has the content that a link led to", name)
			}
		}
	}
	close(stop)
	changing.Wait()
}

// The link may stand at any of the names: a change must never reach the file that it leads to.
func changeFile(name string, content []byte, size int64) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return // the link, or gone
	}
	defer file.Close()
	_, _ = file.WriteAt(content, 0)
	_ = file.Truncate(size)
}

func TestArchiveFillsUpAFileThatShrank(t *testing.T) {
	path := t.TempDir() + "/file"
	makeFile(t, path, strings.Repeat("x", 100_000))
	file, err := OpenFile(path)
	must(t, err)
	must(t, os.Truncate(path, 70_000))
	var output bytes.Buffer
	trail, err := newTrail(nil, "", nil)
	must(t, err)
	p := &packing{ctx: context.Background(), trail: trail, writer: tar.NewWriter(&output)}
	must(t, p.file("file", file))
	makeFile(t, path, "short")
	file, err = OpenFile(path)
	must(t, err)
	makeFile(t, path, "short no more")
	must(t, p.file("grown", file))
	must(t, p.writer.Close())
	entries := unpack(t, &output)
	if entries["file"].content != strings.Repeat("x", 70_000)+strings.Repeat("\x00", 30_000) {
		t.Error("not filled up with zeros")
	}
	if entries["grown"].content != "short" {
		t.Errorf("%q", entries["grown"].content)
	}
}

func TestArchiveOfAHoleWithoutEndCanBeGivenUp(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/box/hole", "")
	must(t, os.Truncate(directory+"/box/hole", 1<<40))
	before := openDescriptors(t)
	call := c.open("archive", params{"path": directory + "/box"})
	call.drop.Store(true)
	call.cancel()
	if code := call.wait(); code != wire.Aborted {
		t.Errorf("%v", call.err)
	}
	expectDescriptors(t, before)
}

type usage struct {
	bytes    int64
	complete bool
}

func (c *client) usage(timeoutMs int, paths ...string) usage {
	c.t.Helper()
	list := []wire.Bytes{}
	for _, path := range paths {
		list = append(list, wire.Bytes(path))
	}
	var result usageResult
	c.do("diskUsage", params{"paths": list, "timeoutMs": timeoutMs}, "").into(&result)
	return usage{result.Bytes, result.Complete}
}

func TestDiskUsageCountsWhatIsOnTheDisk(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/a/file", strings.Repeat("x", 1<<20))
	must(t, os.Link(directory+"/a/file", directory+"/a/again"))
	makeFile(t, directory+"/b/hole", "")
	must(t, os.Truncate(directory+"/b/hole", 1<<40))
	must(t, os.Symlink("/", directory+"/b/link"))
	deepTree(t, directory+"/b", 200)
	told := c.usage(60_000, directory)
	output, err := exec.Command("du", "-s", "--block-size=1", directory).Output()
	must(t, err)
	var want int64
	fmt.Sscan(string(output), &want)
	if told != (usage{want, true}) {
		t.Errorf("%+v, du says %d", told, want)
	}
	if both := c.usage(60_000, directory+"/a", directory+"/b", directory+"/absent"); both.bytes <= 1<<20 || both.bytes >= want || !both.complete {
		t.Errorf("%+v", both)
	}
	if c.usage(0, directory).complete {
		t.Error("complete though there was no time")
	}
	c.removes(directory+"/b", true)
}
