package files

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"testing"

	"carrel-agent/wire"
)

func (c *client) list(path string) []Info {
	c.t.Helper()
	var infos []Info
	must(c.t, json.Unmarshal(c.do("ls", params{"path": path}, "").body.Bytes(), &infos))
	return infos
}

func TestListSortsByBytesAndTellsWhatStatTells(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	names := []string{"\U0001f600", "\uff5e", "é", "a", "B", "a-b", ".hidden", "\xff", "a\nb"}
	for _, name := range names {
		makeFile(t, directory+"/"+name, name)
	}
	must(t, os.Symlink("absent", directory+"/link"))
	sort.Strings(names)
	infos := c.list(directory)
	if len(infos) != len(names)+1 {
		t.Fatalf("%d entries", len(infos))
	}
	listed := []string{}
	for _, info := range infos {
		var told statResult
		c.do("stat", params{"path": string(info.Path)}, "").into(&told)
		if info != *told.Info {
			t.Errorf("%+v, not %+v", info, told.Info)
		}
		listed = append(listed, string(info.Path))
	}
	if !sort.StringsAreSorted(listed) {
		t.Errorf("%q", listed)
	}
}

func TestListOfAnEmptyDirectoryIsEmpty(t *testing.T) {
	c := agent(t)
	if body := c.do("ls", params{"path": t.TempDir()}, "").body.String(); body != "[]" {
		t.Errorf("%q", body)
	}
	if len(c.list("/")) == 0 {
		t.Error("the root has nothing in it")
	}
}

func TestListFailsOnWhatIsNoDirectory(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/file", "x")
	must(t, os.Symlink("absent", directory+"/dangling"))
	c.fails(wire.NotDirectory, "ls", params{"path": directory + "/file"}, "")
	c.fails(wire.NotFound, "ls", params{"path": directory + "/absent"}, "")
	c.fails(wire.NotFound, "ls", params{"path": directory + "/dangling"}, "")
}

func TestListLeavesOutDrafts(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	for _, name := range []string{".carrel-0123456789abcdef.tmp", ".carrel-short.tmp", ".carrel-0123456789abcdeg.tmp"} {
		makeFile(t, directory+"/"+name, "x")
	}
	if infos := c.list(directory); len(infos) != 2 {
		t.Errorf("%+v", infos)
	}
	opened, err := OpenDirectory(directory)
	must(t, err)
	defer opened.Close()
	visited := 0
	_, err = opened.Entries(make([]byte, EntriesBuffer), func([]byte, Kind) { visited++ })
	if err != nil || visited != 2 {
		t.Errorf("%d entries, %v", visited, err)
	}
}

func TestListEndsWhereADirectoryIsTooLarge(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	makeFile(t, directory+"/0", "")
	for i := 1; i <= maxListEntries; i++ {
		must(t, os.Link(directory+"/"+fmt.Sprint((i-1)/50_000*50_000), directory+"/"+fmt.Sprint(i)))
		if i%50_000 == 0 { // a file has at most 65,000 names here
			must(t, os.Remove(directory+"/"+fmt.Sprint(i)))
			makeFile(t, directory+"/"+fmt.Sprint(i), "")
		}
	}
	c.fails(wire.TooLarge, "ls", params{"path": directory}, "")
	must(t, os.Remove(directory+"/1"))
	if infos := c.list(directory); len(infos) != maxListEntries {
		t.Errorf("%d entries", len(infos))
	}
}

func BenchmarkList10000(b *testing.B) {
	directory := b.TempDir()
	for i := 0; i < 10_000; i++ {
		makeFile(b, fmt.Sprintf("%s/file-%d", directory, i), "")
	}
	c := agent(b)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		c.do("ls", params{"path": directory}, "")
	}
}
