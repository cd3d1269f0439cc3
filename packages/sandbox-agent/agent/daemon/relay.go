package daemon

import (
	"io"
	"runtime"
	"syscall"
	"time"
)

const (
	relayBuffer = 64 * 1024
	// partTime is how long the daemon has for its last words to a client that left.
	partTime = 2 * time.Second
)

// relay passes bytes between standard input and output and the daemon, until either ends the
// connection. Why it ended both know better.
func relay(fd int) error {
	runtime.GOMAXPROCS(1)
	client, err := standardTransport()
	if err != nil {
		return err
	}
	daemon := socketTransport(fd)
	go func() {
		copyAll(daemon, client)
		_ = syscall.Shutdown(fd, syscall.SHUT_WR)
		over := time.Now().Add(partTime)
		_ = daemon.SetReadDeadline(over)
		_ = client.SetWriteDeadline(over)
	}()
	copyAll(client, daemon)
	return nil
}

// copyAll hides the other abilities of both ends: io.Copy would use splice, which moves one pipe's
// worth at a time and waits with a thread.
func copyAll(to io.Writer, from io.Reader) {
	_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, relayBuffer))
}
