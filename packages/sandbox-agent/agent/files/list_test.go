package files

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
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
	if names := c.page(directory, "99998", 10); !reflect.DeepEqual(names, []string{"99999"}) {
		t.Errorf("the last page of a directory that is too large is %q", names)
	}
	if names := c.page(directory, "", 3); !reflect.DeepEqual(names, []string{"0", "1", "10"}) {
		t.Errorf("the first page of a directory that is too large is %q", names)
	}
	must(t, os.Remove(directory+"/1"))
	if infos := c.list(directory); len(infos) != maxListEntries {
		t.Errorf("%d entries", len(infos))
	}
}

// page lists one page, of which nothing is asked but its names.
func (c *client) page(path, after string, limit int) (names []string) {
	c.t.Helper()
	var infos []Info
	body := c.do("ls", params{"path": path, "limit": limit, "after": wire.Bytes(after)}, "").body.Bytes()
	must(c.t, json.Unmarshal(body, &infos))
	for _, info := range infos {
		names = append(names, string(info.Path)[len(path)+1:])
	}
	return names
}

func TestListPagesAreTogetherTheWholeInTheOrderOfBytes(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	names := []string{"\U0001f600", "\uff5e", "é", "a", "B", "a-b", ".hidden", "\xff", "\xfe\xff", "a\nb"}
	for i := 0; i < 3000; i++ {
		names = append(names, fmt.Sprintf("file-%d", i))
	}
	for _, name := range names {
		makeFile(t, directory+"/"+name, "")
	}
	makeFile(t, directory+"/.carrel-0123456789abcdef.tmp", "a draft")
	sort.Strings(names)
	for _, limit := range []int{7, 1000, 1024, 2999, len(names), len(names) + 1, maxListEntries} {
		var listed []string
		for after := ""; ; after = listed[len(listed)-1] {
			page := c.page(directory, after, limit)
			listed = append(listed, page...)
			if len(page) < limit {
				break
			}
		}
		if !reflect.DeepEqual(listed, names) {
			t.Errorf("pages of %d: %d names of %d", limit, len(listed), len(names))
		}
	}
}

func TestListPagesRefuseALimitOutOfRange(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	for _, limit := range []int{0, -1, maxListEntries + 1} {
		c.fails(wire.InvalidArgument, "ls", params{"path": directory, "limit": limit}, "")
	}
}

func TestListPagesFillUpWhatVanishes(t *testing.T) {
	c, directory := agent(t), t.TempDir()
	const staying, pageSize = 2000, 500
	for i := 0; i < staying; i++ {
		makeFile(t, fmt.Sprintf("%s/%04d", directory, i), "")
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			path := fmt.Sprintf("%s/%04d-comes", directory, i%staying)
			if file, err := os.Create(path); err == nil {
				_ = file.Close()
				_ = os.Remove(path)
			}
		}
	}()
	for round := 0; round < 20; round++ {
		seen, pages := 0, 0
		for after := ""; ; pages++ {
			page := c.page(directory, after, pageSize)
			for _, name := range page {
				if name <= after {
					t.Fatalf("%q comes after %q", name, after)
				}
				if after = name; len(name) == 4 {
					seen++
				}
			}
			if len(page) < pageSize {
				break
			}
		}
		if seen != staying {
			t.Fatalf("%d of %d entries that stay", seen, staying)
		}
	}
	close(stop)
	<-stopped
}

func TestSmallestNamesKeepNoMoreThanTheyNeed(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, limit := range []int{1, 2, 1000, 5000} {
		found, all := &smallestNames{limit: limit}, []string{}
		for i := 0; i < 100_000; i++ {
			name := fmt.Sprintf("%08x", random.Uint32())
			all = append(all, name)
			found.add([]byte(name))
			if len(found.names) >= 2*limit+gatheredNames {
				t.Fatalf("%d names are kept for %d", len(found.names), limit)
			}
		}
		sort.Strings(all)
		if !reflect.DeepEqual(found.sorted(), all[:limit]) {
			t.Errorf("the first %d names are others", limit)
		}
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
