package nonblocking

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what happens in its own time on a loaded machine.
const patience = 30 * time.Second

// pair gives the two ends of a stream, neither of which the runtime's poller has.
func pair(t *testing.T) (*File, *File) {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	refuse = true
	defer func() { refuse = false }()
	one, other := New(ends[0], "one"), New(ends[1], "other")
	t.Cleanup(func() {
		_ = one.Close()
		_ = other.Close()
	})
	if one.polled || other.polled {
		t.Fatal("the runtime's poller has it")
	}
	return one, other
}

func TestFallbackPassesBytesBothWaysAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for count := 0; count < 20; count++ {
		one, other := pair(t)
		for _, way := range [][2]*File{{one, other}, {other, one}} {
			way := way
			sent := make([]byte, 1<<20)
			rand.New(rand.NewSource(int64(count))).Read(sent)
			all.Add(2)
			go func() {
				defer all.Done()
				if _, err := way[0].Write(sent); err != nil {
					t.Error(err)
				}
			}()
			go func() {
				defer all.Done()
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(way[1], got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("other bytes came: %v", err)
				}
			}()
		}
	}
	all.Wait()
}

func TestFallbackTellsTheEndAndWhatIsBroken(t *testing.T) {
	one, other := pair(t)
	_ = other.Close()
	if _, err := one.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	if _, err := one.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
}

func TestFallbackEndsAWaitAtItsDeadlineOrWhenClosed(t *testing.T) {
	one, _ := pair(t)
	if err := one.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	for _, end := range []func() error{func() error { return one.SetReadDeadline(time.Now()) }, one.Close} {
		if err := one.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := one.Read(make([]byte, 1))
			ended <- err
		}()
		time.Sleep(10 * time.Millisecond)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("the read does not end")
		}
	}
}

func TestFallbackKeepsNoGoroutineForNobody(t *testing.T) {
	one, other := pair(t)
	go func() { _, _ = other.Write([]byte("x")) }()
	if _, err := one.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		fallback.mu.Lock()
		idle := len(fallback.waiters) == 0 && !fallback.running
		fallback.mu.Unlock()
		if idle {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it waits for nobody")
		}
	}
}
