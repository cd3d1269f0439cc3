package process

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"carrel-agent/agenttest"
	"carrel-agent/children"
	"carrel-agent/wire"
)

const instance = "5e55e55e"

var (
	reaper *children.Reaper
	// sandboxed: the tests have a container to themselves, and may do what would harm a machine.
	sandboxed = os.Getenv("CARREL_TEST_SANDBOXED") != ""
)

func TestMain(m *testing.M) {
	makeThreads()
	var err error
	reaper, err = children.NewReaper(children.Options{Instance: instance, OwnsSandbox: sandboxed})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// makeThreads makes them while it can, as the daemon does: a runtime that can make none ends.
func makeThreads() {
	var made sync.WaitGroup
	release := make(chan struct{})
	for count := 0; count < 24; count++ {
		made.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			made.Done()
			<-release
		}()
	}
	made.Wait()
	close(release)
}

type agent struct {
	*agenttest.Client
	t     testing.TB
	table *Table
}

func newAgent(t testing.TB) *agent {
	t.Helper()
	table, err := NewTable(Options{Instance: fmt.Sprintf("%s-%d", instance, tables.next()), Reaper: reaper})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range table.all() {
			p.stop(cancelled)
			<-p.ended
		}
	})
	return &agent{Client: agenttest.Connect(t, table.Methods()), t: t, table: table}
}

type counter struct {
	mu    sync.Mutex
	count int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	return c.count
}

var tables counter

// running is a command, as the client of an output stream sees it.
type running struct {
	*agenttest.Call
	t     testing.TB
	event startEvent
	ended ended
}

type ended struct {
	result
	chunks         []told
	stdout, stderr string
	failed         *wire.Error
}

type told struct {
	number uint32
	stream byte
	data   string
}

// spawn starts a command; the given parameters replace the usual ones.
func (a *agent) spawn(command string, given agenttest.Params) *running {
	a.t.Helper()
	params := agenttest.Params{
		"command": command, "cwd": "/", "env": map[string]string{}, "stdin": false, "open": false,
		"timeoutMs": 60_000, "maxOutputBytes": 1 << 20,
	}
	for name, value := range given {
		params[name] = value
	}
	return a.follow(a.Open("spawn", params))
}

func (a *agent) attach(id string, after int) *running {
	a.t.Helper()
	return a.follow(a.Open("attach", agenttest.Params{"id": id, "after": after}))
}

func (a *agent) follow(call *agenttest.Call) *running {
	a.t.Helper()
	r := &running{Call: call, t: a.t}
	call.Event(&r.event)
	return r
}

// refused gives the code of a call that fails at once.
func (a *agent) refused(method string, params agenttest.Params) wire.Code {
	a.t.Helper()
	_, failed := a.Open(method, params).Finish(&struct{}{})
	if failed == nil {
		return ""
	}
	return failed.Code
}

// until reads output until it contains a text.
func (r *running) until(text string) {
	r.t.Helper()
	for !strings.Contains(r.ended.stdout+r.ended.stderr, text) {
		frame := r.Next()
		if frame.Type != wire.Data {
			r.t.Fatalf("a frame of type %d and not %q: %s after %q", frame.Type, text, frame.Payload, r.ended.stdout)
		}
		r.ended.take(frame.Payload)
	}
}

func (e *ended) take(payload []byte) {
	chunk := told{stream: payload[0], data: string(payload[wire.ChunkHead:])}
	for _, digit := range payload[1:wire.ChunkHead] {
		chunk.number = chunk.number<<8 | uint32(digit)
	}
	e.chunks = append(e.chunks, chunk)
	if chunk.stream == stdout {
		e.stdout += chunk.data
	} else {
		e.stderr += chunk.data
	}
}

// finish reads to the end.
func (r *running) finish() ended {
	r.t.Helper()
	var more []byte
	for {
		frame := r.Next()
		switch frame.Type {
		case wire.Data:
			r.ended.take(frame.Payload)
		case wire.Result:
			more = frame.Payload
			unmarshal(r.t, more, &r.ended.result)
			return r.ended
		case wire.Failure:
			r.ended.failed = &wire.Error{}
			unmarshal(r.t, frame.Payload, r.ended.failed)
			return r.ended
		}
	}
}

func (a *agent) run(command string, given agenttest.Params) ended {
	a.t.Helper()
	return a.spawn(command, given).finish()
}

func (a *agent) expectRuns() {
	a.t.Helper()
	if end := a.run("echo fine", nil); end.Outcome != exited || end.stdout != "fine\n" {
		a.t.Fatalf("a command afterwards: %+v", end)
	}
}
