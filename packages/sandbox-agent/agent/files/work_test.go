package files

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

func TestManyListingsAtOnceHoldNoMoreThanTheirShare(t *testing.T) {
	directory := t.TempDir()
	long := strings.Repeat("x", 200)
	for i := 0; i < 20_000; i++ {
		makeFile(t, fmt.Sprintf("%s/%s%d", directory, long, i), "")
	}
	c := agent(t)
	var mu sync.Mutex
	refused := 0
	var calls sync.WaitGroup
	const count = 60 // of 5 MB of names each
	for i := 0; i < count; i++ {
		calls.Add(1)
		call := c.open("ls", params{"path": directory})
		call.drop.Store(true)
		go func() {
			defer calls.Done()
			if code := call.wait(); code != "" {
				mu.Lock()
				defer mu.Unlock()
				if refused++; code != wire.Capacity {
					t.Error(code)
				}
			}
		}()
	}
	calls.Wait()
	if refused == count {
		t.Error("none was served")
	}
	// All that was held is free again.
	if infos := c.list(directory); len(infos) != 20_000 {
		t.Errorf("%d entries", len(infos))
	}
}

func TestEditsOfTextsThatAreTooMuchTogetherAreRefused(t *testing.T) {
	c := agent(t)
	size := rpc.DefaultLimits.WorkBytes / 6
	calls := make([]*testCall, 8)
	for i := range calls {
		calls[i] = c.open("edit", params{"path": t.TempDir() + "/absent/file", "oldBytes": size, "newBytes": 1, "replaceAll": false})
		calls[i].sendBody(strings.NewReader(strings.Repeat("x", size)))
	}
	refused := 0
	for _, call := range calls {
		call.sendBody(strings.NewReader("y"))
		call.end()
		switch code := call.wait(); code {
		case wire.Capacity:
			refused++
		case wire.NotFound:
		default:
			t.Errorf("%q", code)
		}
	}
	if refused == 0 {
		t.Error("all were read into memory")
	}
}
