package daemon

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"carrel-agent/agenttest"
)

func TestADaemonUnderLoadHasTheThreadsThatItNeeds(t *testing.T) {
	t.Parallel()
	client, daemon := connect(t, newSocketName())
	if said := run(t, client, "echo warm"); said != "warm\n" {
		t.Fatal(said)
	}
	before := threads(t, daemon.Process.Pid)
	var calls sync.WaitGroup
	finish := func(call *agenttest.Call) {
		calls.Add(1)
		go func() {
			defer calls.Done()
			// How each ends is others' to test.
			_, _ = call.Finish(&struct{}{})
		}()
	}
	for count := 0; count < 60; count++ {
		var started struct{ ID string }
		work := client.Open("spawn", spawnParams("sleep 600 & sleep 600"))
		work.Event(&started)
		finish(work)
		finish(client.Open("kill", agenttest.Params{"id": started.ID}))
		finish(client.Open("glob", agenttest.Params{
			"pattern": "**/none", "path": "/usr", "hidden": true, "limit": 1, "timeoutMs": 1000,
		}))
	}
	calls.Wait()
	if after := threads(t, daemon.Process.Pid); after > before {
		t.Errorf("%d threads, and %d at first", after, before)
	}
}

func threads(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nThreads:")
	line, _, _ := strings.Cut(rest, "\n")
	count, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return count
}
