package children

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestKillsAChildWhoseStartCouldNotBeRead(t *testing.T) {
	reaper, err := NewReaper(Options{Instance: "5e55e55e"})
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	descriptor := int(null.Fd())
	child, err := reaper.Start(Program{
		Path: "/bin/sh", Arguments: []string{"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, Directory: "/",
		Environment: Environment(os.Environ(), nil, "5e55e55e-1"), Mark: "5e55e55e-1",
		Input: descriptor, Output: descriptor, Failure: descriptor,
	})
	if err != nil {
		t.Fatal(err)
	}
	// As where the kernel had no descriptor for /proc at its start.
	child.start = 0
	time.Sleep(50 * time.Millisecond) // so that it has set its trap
	child.Kill(syscall.SIGTERM)
	select {
	case <-child.Exited():
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-child.pid, syscall.SIGKILL)
		t.Fatal("it runs on")
	}
}
