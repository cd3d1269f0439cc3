package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

// residentBytes is what a process has in memory.
func residentBytes(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nVmRSS:")
	line, _, _ := strings.Cut(rest, "kB")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes * 1024
}

// expectResident watches a process while something goes on, and gives the most that it had in memory.
func expectResident(t *testing.T, pid, most int, goesOn <-chan struct{}) {
	t.Helper()
	peak := 0
	for over := false; !over; {
		select {
		case <-goesOn:
			over = true
		case <-time.After(20 * time.Millisecond):
		}
		if now := residentBytes(t, pid); now > peak {
			peak = now
		}
	}
	t.Logf("at most %d MiB", peak>>20)
	if peak > most {
		t.Errorf("the daemon had %d MiB in memory, and not %d at most", peak>>20, most>>20)
	}
}

func TestOutputThatNobodyReadsStaysWithinItsBound(t *testing.T) {
	socket := newSocketName()
	_, daemon := connect(t, socket)
	reader, _ := connect(t, socket)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var calls []*agenttest.Call
		for count := 0; count < 150; count++ {
			command := "yes"
			if count%3 == 0 {
				command = "dd if=/dev/zero bs=1 count=30000 2>/dev/null; yes x | dd bs=3 count=100000 2>/dev/null"
			}
			params := spawnParams(command)
			params["maxOutputBytes"] = 8 << 20
			call := reader.Open("spawn", params)
			call.Stingy = true
			calls = append(calls, call)
		}
		// All have ended once the list says so.
		for {
			var processes []struct{ Result *struct{} }
			body, failed := reader.Open("processes", nil).Finish(&struct{}{})
			if failed != nil {
				t.Error(failed)
				return
			}
			decode(t, body, &processes)
			running := 0
			for _, process := range processes {
				if process.Result == nil {
					running++
				}
			}
			if running == 0 && len(processes) >= 100 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		for _, call := range calls {
			call.Cancel()
		}
	}()
	// 96 MiB of output, as much again until it is collected, and what the rest needs.
	expectResident(t, daemon.Process.Pid, 320<<20, done)
}

func TestBytesWrittenOneByOneStayWithinTheirBound(t *testing.T) {
	client, daemon := connect(t, newSocketName())
	done := make(chan struct{})
	go func() {
		defer close(done)
		params := spawnParams("dd if=/dev/zero bs=1 count=1000000 2>/dev/null")
		params["maxOutputBytes"] = 8 << 20
		call := client.Open("spawn", params)
		call.Event(&struct{}{})
		frames, size := 0, 0
		for frame := call.Next(); frame.Type == wire.Data; frame = call.Next() {
			frames++
			size += len(frame.Payload) - wire.ChunkHead
		}
		if size != 1_000_000 || frames > size/4 {
			t.Errorf("%d bytes in %d frames", size, frames)
		}
	}()
	expectResident(t, daemon.Process.Pid, 64<<20, done)
}

func TestWatchesOfManyDirectoriesStayWithinTheirBound(t *testing.T) {
	client, daemon := connect(t, newSocketName())
	root := t.TempDir()
	name := strings.Repeat("x", 200)
	for count := 0; count < 2000; count++ {
		if err := os.Mkdir(fmt.Sprintf("%s/%s%d", root, name, count), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var watches []*agenttest.Call
		for count := 0; count < 20; count++ {
			call := client.Open("watch", agenttest.Params{"path": root})
			call.Stingy = true
			watches = append(watches, call)
		}
		for round := 0; round < 5; round++ {
			for count := 0; count < 2000; count++ {
				if err := os.WriteFile(fmt.Sprintf("%s/%s%d/file%d", root, name, count, round), nil, 0o644); err != nil {
					t.Error(err)
					return
				}
			}
		}
		client.Ping()
		for _, call := range watches {
			call.Cancel()
		}
	}()
	expectResident(t, daemon.Process.Pid, 160<<20, done)
}
