package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"runtime"
	"testing"
	"time"

	"carrel-agent/wire"
)

// serveIn serves one more client with a share, and greets it.
func serveIn(t *testing.T, share *Share, methods map[string]Handler) *client {
	t.Helper()
	near, far := net.Pipe()
	c := &client{t: t, conn: near, reader: wire.NewReader(near), served: make(chan error, 1)}
	server := &Server{Methods: methods, Agent: "test", Instance: "0123456789abcdef", WorkDir: "/w"}
	go func() { c.served <- server.NewConnection(far, share).Serve() }()
	t.Cleanup(func() {
		near.Close()
		<-c.served
	})
	_ = near.SetDeadline(time.Now().Add(30 * time.Second))
	c.send(wire.Hello, 0, `{"protocol":[1,1],"window":65541}`)
	c.next()
	return c
}

func (c *client) failure() *wire.Error {
	c.t.Helper()
	frame := c.next()
	failed := &wire.Error{}
	if frame.Type != wire.Failure || json.Unmarshal(frame.Payload, failed) != nil {
		c.t.Fatalf("a frame of type %d: %s", frame.Type, frame.Payload)
	}
	return failed
}

func TestConnectionsOfOneShareHaveItsCallsTogether(t *testing.T) {
	share := NewGuestShare(GuestLimits)
	methods := map[string]Handler{"wait": untilCancelled}
	one, two, other := serveIn(t, share, methods), serveIn(t, share, methods), serveIn(t, NewShare(DefaultLimits), methods)
	for id := uint32(1); id <= uint32(GuestLimits.Calls)/2; id++ {
		one.send(wire.Open, id, `{"method":"wait"}`)
		two.send(wire.Open, id, `{"method":"wait"}`)
	}
	// What was sent before a PING has been read once it is answered.
	one.send(wire.Ping, 0, "12345678")
	one.next()
	two.send(wire.Open, 1000, `{"method":"wait"}`)
	if failed := two.failure(); failed.Code != wire.Capacity {
		t.Fatal(failed)
	}
	other.send(wire.Open, 1, `{"method":"absent"}`)
	if failed := other.failure(); failed.Code != wire.Unsupported {
		t.Fatal(failed)
	}
	one.send(wire.Cancel, 1, "")
	if failed := one.failure(); failed.Code != wire.Aborted {
		t.Fatal(failed)
	}
	two.send(wire.Open, 1001, `{"method":"wait"}`)
	two.send(wire.Cancel, 1001, "")
	if failed := two.failure(); failed.Code != wire.Aborted {
		t.Fatal(failed)
	}
}

func TestAShareIsGivenBackAtTheEndOfEveryCall(t *testing.T) {
	share := NewShare(DefaultLimits)
	c := serveIn(t, share, map[string]Handler{
		"take": func(ctx context.Context, call *Call) (any, error) {
			if err := call.Work().Take(1000); err != nil {
				return nil, err
			}
			return nil, call.Work().Take(DefaultLimits.WorkBytes)
		},
		"wait": untilCancelled,
	})
	c.send(wire.Open, 1, `{"method":"take","parameter":"`+string(bytes.Repeat([]byte("x"), 1000))+`"}`)
	if failed := c.failure(); failed.Code != wire.TooLarge {
		t.Fatal(failed)
	}
	c.send(wire.Open, 2, `{"method":"wait"}`)
	c.send(wire.Data, 2, "unread")
	c.send(wire.Cancel, 2, "")
	c.failure()
	c.send(wire.Ping, 0, "12345678")
	c.next()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		share.mu.Lock()
		held := share.held
		share.mu.Unlock()
		if held == (Limits{}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v is held", held)
		}
	}
}

func TestMessagesAreNoLongerThanTheirBound(t *testing.T) {
	c := serveIn(t, NewShare(DefaultLimits), nil)
	c.send(wire.Open, 1, `{"method":"`+string(bytes.Repeat([]byte("\\u0001"), 100_000))+`"}`)
	if failed := c.failure(); failed.Code != wire.Unsupported || len(failed.Message) > 3000 {
		t.Fatalf("%s: %d bytes", failed.Code, len(failed.Message))
	}
}

func TestBodiesThatNobodyReadsCostWhatTheyAre(t *testing.T) {
	share := NewGuestShare(GuestLimits)
	methods := map[string]Handler{"wait": untilCancelled}
	before := heap()
	for connection := 0; connection < 4; connection++ {
		c := serveIn(t, share, methods)
		for id := uint32(1); id <= uint32(GuestLimits.Calls)/4; id++ {
			c.send(wire.Open, id, `{"method":"wait"}`)
			c.send(wire.Data, id, "x")
		}
		c.send(wire.Ping, 0, "12345678")
		c.next()
	}
	// 256 calls with a byte each: goroutines, contexts and a small block for each.
	const most = 6 << 20
	if held := heap() - before; held > most {
		t.Fatalf("%d bytes are held", held)
	}
}

func TestFullWindowsThatNobodyReadsStayWithinTheirBound(t *testing.T) {
	share := NewGuestShare(GuestLimits)
	methods := map[string]Handler{"wait": untilCancelled}
	before := heap()
	chunk := string(make([]byte, wire.MaxChunk))
	for connection := 0; connection < 4; connection++ {
		c := serveIn(t, share, methods)
		for id := uint32(1); id <= uint32(GuestLimits.Calls)/4; id++ {
			c.send(wire.Open, id, `{"method":"wait"}`)
			for sent := 0; sent < firstWindow; sent += wire.MaxChunk {
				c.send(wire.Data, id, chunk)
			}
		}
		c.send(wire.Ping, 0, "12345678")
		c.next()
	}
	most := int64(GuestLimits.Calls*firstWindow) + 16<<20
	if held := heap() - before; held > most {
		t.Fatalf("%d bytes are held, and %d are allowed", held, most)
	}
}

// heap is how much is in use, once what is not was collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc + now.StackInuse)
}
