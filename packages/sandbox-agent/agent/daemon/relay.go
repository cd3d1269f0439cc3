package daemon

import (
	"io"
	"runtime"
	"syscall"
)

const relayBuffer = 64 * 1024

// relay passes bytes between standard input and output and the daemon, until the daemon ends the
// connection. The end of the input is passed on as such.
func relay(fd int) error {
	runtime.GOMAXPROCS(1)
	client, err := standardTransport()
	if err != nil {
		return err
	}
	daemon := socketTransport(fd)
	go func() {
		_, _ = copyAll(daemon, client)
		// The daemon ends its side once it has answered what it was asked.
		_ = syscall.Shutdown(fd, syscall.SHUT_WR)
	}()
	_, err = copyAll(client, daemon)
	return err
}

// copyAll hides the other abilities of both ends: io.Copy would use splice, which moves one pipe's
// worth at a time and waits with a thread.
func copyAll(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, relayBuffer))
}
