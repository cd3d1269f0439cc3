package files

import (
	"os"
	"sort"
	"strings"
	"sync"
	"testing"

	"carrel-agent/wire"
)

// Readers see one content or the other, whole, while writers replace it and somebody exchanges it.
func TestReadersSeeWholeContents(t *testing.T) {
	directory := t.TempDir()
	methods := Methods()
	contents := map[string]bool{}
	for _, letter := range []string{"a", "b", "c"} {
		contents[strings.Repeat(letter, 300_000)] = true
	}
	all := make([]string, 0, len(contents))
	for content := range contents {
		all = append(all, content)
	}
	sort.Strings(all)
	makeFile(t, directory+"/file", all[0])
	makeFile(t, directory+"/elsewhere/file", all[2])
	must(t, os.Symlink("elsewhere/file", directory+"/other"))
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
				_ = renameAt(atWorking, directory+"/file", atWorking, directory+"/other", 2) // RENAME_EXCHANGE
			}
		}
	}()
	var working sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		c := connect(t, methods)
		working.Add(1)
		go func(worker int) {
			defer working.Done()
			for round := 0; round < 20; round++ {
				if worker%2 == 0 {
					call := c.call("write", params{"path": directory + "/file"}, all[round%2])
					if code := call.wait(); code != "" && code != wire.Conflict {
						t.Errorf("write: %v", call.err)
					}
					continue
				}
				call := c.call("read", params{"path": directory + "/file", "offset": 0, "limit": nil}, "")
				if call.err != nil || !contents[call.body.String()] {
					t.Errorf("read %d bytes: %v", call.body.Len(), call.err)
				}
			}
		}(worker)
	}
	working.Wait()
	close(stop)
	exchanging.Wait()
	expectNames(t, directory+"/elsewhere", "file")
	for _, entry := range []string{directory, directory + "/elsewhere"} {
		awaitDraft(t, entry, false)
	}
}
