package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"carrel-agent/wire"
)

func frame(kind wire.Type, stream uint32, payload string) string {
	return string(wire.AppendHeader(nil, kind, stream, len(payload))) + payload
}

func hello(window int) string {
	return frame(wire.Hello, 0, fmt.Sprintf(`{"protocol":[1,1],"window":%d}`, window))
}

// expectClosed reads until the daemon ends the connection.
func expectClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Error("the daemon keeps the connection")
	}
}

func TestWhoeverSpeaksOtherwiseIsCutOffAndNobodyElse(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	client, _ := connect(t, socket)
	fine := hello(1 << 20)
	longFrame := "\xff\xff\xff\xff\x11\x00\x00\x00\x01"
	for name, said := range map[string]string{
		"nothing":                         "",
		"noise":                           "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"half a frame":                    fine[:7],
		"a frame of 4 GiB":                longFrame,
		"a call before HELLO":             frame(wire.Open, 1, `{"method":"stat","path":"/"}`),
		"a HELLO that is no JSON":         frame(wire.Hello, 0, "{"),
		"a window of nothing":             hello(0),
		"a window without end":            hello(1 << 40),
		"a second HELLO":                  fine + fine,
		"a type that does not exist":      fine + frame(99, 1, "x"),
		"a stream that was used before":   fine + frame(wire.Open, 2, `{"method":"x"}`) + frame(wire.Open, 1, `{"method":"x"}`),
		"a frame of 4 GiB after HELLO":    fine + longFrame,
		"an OPEN that is no JSON":         fine + frame(wire.Open, 1, "\xff"),
		"window without end":              fine + frame(wire.Open, 1, `{"method":"watch","path":"/dev"}`) + frame(wire.Window, 1, "\xff\xff\xff\xff"),
		"an end in the middle of a frame": "\x00\x00",
	} {
		name, said := name, said
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := intrude(t, socket)
			if _, err := io.WriteString(conn, said); err != nil {
				t.Fatal(err)
			}
			if name == "an end in the middle of a frame" {
				_ = conn.CloseWrite()
			}
			expectClosed(t, conn)
			client.Ping()
		})
	}
}

func TestASilentCrowdHoldsOthersUpForAFewSecondsOnly(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	client, daemon := connect(t, socket)
	for count := 0; count < maxConnections; count++ {
		intrude(t, socket)
	}
	client.Ping()
	later, _ := connect(t, socket)
	if said := run(t, later, "echo served"); said != "served\n" {
		t.Error(said)
	}
	client.Ping()
	if !isAlive(daemon.Process.Pid) {
		t.Error("the daemon has gone")
	}
}

func TestACrowdThatComesAndGoesLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	client, daemon := connect(t, socket)
	// Here the crowd is of the client's kind, and one that is idle would make room for it.
	work := spawn(t, client, "sleep 600")
	// What serving needs once is there after the first.
	crowd(t, socket, 8)
	client.Ping()
	before := descriptors(t, daemon.Process.Pid)
	crowd(t, socket, 300)
	eventually(t, "the descriptors are closed", func() bool { return descriptors(t, daemon.Process.Pid) <= before })
	client.Ping()
	work.Cancel()
}

func crowd(t *testing.T, socket string, size int) {
	t.Helper()
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for count := 0; count < size; count++ {
		all.Add(1)
		turns <- struct{}{}
		go func() {
			defer all.Done()
			defer func() { <-turns }()
			conn, err := net.Dial("unix", "@"+socket)
			if err != nil {
				return // the queue is full
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, hello(1<<20)+frame(wire.Open, 1, `{"method":"watch","path":"/tmp"}`))
			_, _ = conn.Read(make([]byte, 64))
		}()
	}
	all.Wait()
}

// descriptors of a process that hides them from everyone but root.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if os.IsPermission(err) {
		t.Skip("only root sees the descriptors of a daemon")
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAClientThatTakesNothingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	client, _ := connect(t, socket)
	path := t.TempDir() + "/sparse"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<30); err != nil {
		t.Fatal(err)
	}
	said := hello(16 << 20)
	for stream := uint32(1); stream <= 32; stream++ {
		said += frame(wire.Open, stream, `{"method":"readStream","path":"`+path+`"}`)
	}
	if _, err := io.WriteString(intrude(t, socket), said); err != nil {
		t.Fatal(err)
	}
	for count := 0; count < 20; count++ {
		client.Ping()
		if said := run(t, client, "echo fine"); said != "fine\n" {
			t.Fatal(said)
		}
	}
}

func TestADaemonWithoutDescriptorsServesOnAndTakesConnectionsLater(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	few := exec.Command("/bin/sh", "-c", `ulimit -n 20; exec "$0" connect --socket "$1" /`, agentPath, socket)
	client, daemon := speak(t, few)
	intruders := make([]net.Conn, maxConnections-1)
	for index := range intruders {
		intruders[index] = intrude(t, socket)
	}
	client.Ping()
	for _, intruder := range intruders {
		_ = intruder.Close()
	}
	later, _ := connect(t, socket)
	later.Ping()
	client.Ping()
	if !isAlive(daemon.Process.Pid) {
		t.Error("the daemon has gone")
	}
}
