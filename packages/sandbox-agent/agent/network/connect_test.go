package network

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

// serve gives the port of a server on an address that does the same for each connection.
func serve(t *testing.T, address string, answer func(*net.TCPConn)) int {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			peer, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(peer.(*net.TCPConn))
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// upperCase reads to the end, then answers in upper case.
func upperCase(peer *net.TCPConn) {
	defer peer.Close()
	received, _ := io.ReadAll(peer)
	_, _ = peer.Write(bytes.ToUpper(received))
}

func open(client *agenttest.Client, port any) *agenttest.Call {
	return client.Open("connect", agenttest.Params{"port": port})
}

// established opens a connection that works.
func established(t *testing.T, client *agenttest.Client, port int) *agenttest.Call {
	t.Helper()
	call := open(client, port)
	call.Event(&struct{}{})
	return call
}

func expectCode(t *testing.T, call *agenttest.Call, code wire.Code) {
	t.Helper()
	if _, failed := call.Finish(&struct{}{}); failed == nil || failed.Code != code {
		t.Errorf("ended with %v and not with %s", failed, code)
	}
}

func expectAnswer(t *testing.T, call *agenttest.Call, expected string) {
	t.Helper()
	body, failed := call.Finish(&struct{}{})
	if failed != nil {
		t.Fatal(failed)
	}
	if string(body) != expected {
		t.Errorf("answered %.100q (%d bytes) and not %.100q", body, len(body), expected)
	}
}

func TestBytesGoBothWaysAndTheEndOfTheClientReachesTheServer(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		call := established(t, client, serve(t, address, upperCase))
		call.Write("hello")
		call.Write(" there")
		call.End()
		expectAnswer(t, call, "HELLO THERE")
	}
}

func TestMoreThanTheWindowComesThrough(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	sent := strings.Repeat("0123456789abcdef", 6*agenttest.Window/16)
	port := serve(t, "127.0.0.1:0", func(peer *net.TCPConn) {
		defer peer.Close()
		_, _ = io.WriteString(peer, sent)
	})
	expectAnswer(t, established(t, client, port), sent)
}

func TestAServerWaitsWhileTheClientTakesNothing(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	other := serve(t, "127.0.0.1:0", upperCase)
	endless := serve(t, "127.0.0.1:0", func(peer *net.TCPConn) {
		defer peer.Close()
		for block := make([]byte, 1<<16); ; {
			if _, err := peer.Write(block); err != nil {
				return
			}
		}
	})
	stingy := open(client, endless)
	stingy.Stingy = true
	stingy.Event(&struct{}{})
	received := 0
	for agenttest.Window-received > wire.MaxChunk {
		received += len(stingy.Next().Payload)
	}
	call := established(t, client, other)
	call.Write("meanwhile")
	call.End()
	expectAnswer(t, call, "MEANWHILE")
	stingy.Cancel()
	expectCode(t, stingy, wire.Aborted)
}

func TestTheServerLearnsThatTheClientGaveUp(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	left := make(chan error)
	port := serve(t, "127.0.0.1:0", func(peer *net.TCPConn) {
		_, err := peer.Read(make([]byte, 1))
		left <- err
	})
	call := established(t, client, port)
	call.Cancel()
	expectCode(t, call, wire.Aborted)
	if err := <-left; err == nil {
		t.Error("the server read something")
	}
	established(t, client, port)
	client.Close()
	if err := <-left; err == nil {
		t.Error("the server read something after the client had gone")
	}
}

func TestAConnectionThatTheServerResetsIsUnavailable(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	port := serve(t, "127.0.0.1:0", func(peer *net.TCPConn) {
		_, _ = peer.Read(make([]byte, 1))
		_ = peer.SetLinger(0)
		peer.Close()
	})
	call := established(t, client, port)
	call.Write("x")
	expectCode(t, call, wire.Unavailable)
}

func TestThereIsNothingWhereNothingListens(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	expectCode(t, open(client, port), wire.Unavailable)
}

func TestWhatIsNoPortIsRefused(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	for _, port := range []any{0, -1, 65536, 1.5, "80", nil, 1e300} {
		expectCode(t, open(client, port), wire.InvalidArgument)
	}
}

// deafServer listens and has as many connections waiting as it ever takes: another one waits for long.
func deafServer(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for count := 0; count < 3; count++ {
		waiting, err := dial(syscall.AF_INET, &syscall.SockaddrInet4{Addr: loopback, Port: portOf(address)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { waiting.Close() })
	}
	return portOf(address)
}

func TestAServerThatDoesNotAnswerIsGivenUpWhenTheClientWantsSoOrInTheEnd(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	port := deafServer(t)
	waits, cancelled := open(client, port), open(client, port)
	cancelled.Cancel()
	expectCode(t, cancelled, wire.Aborted)
	expectCode(t, waits, wire.Unavailable)
}

func TestConnectionsLeaveNothingOpen(t *testing.T) {
	client := agenttest.Connect(t, Methods())
	port := serve(t, "127.0.0.1:0", upperCase)
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	round := func() {
		calls := make([]*agenttest.Call, 50)
		for index := range calls {
			calls[index] = established(t, client, port)
		}
		for index, call := range calls {
			word := fmt.Sprint("x", index)
			call.Write(word)
			call.End()
			expectAnswer(t, call, strings.ToUpper(word))
		}
	}
	round()
	before := descriptors()
	for count := 0; count < 5; count++ {
		round()
	}
	// The server's ends close in their own time.
	const slack = 50
	if after := descriptors(); after > before+slack {
		t.Errorf("%d descriptors are open, and %d were before", after, before)
	}
}
