package process

import (
	"context"
	"io"
	"syscall"

	"carrel-agent/nonblocking"
)

const inputBufferBytes = 32 * 1024

// input is the standard input of a process, written by its spawn and by every attach.
type input struct {
	file *nonblocking.File
	turn chan struct{} // held while writing
}

// newInput gives the agent's end, and the descriptor for the process.
func newInput() (*input, int, error) {
	file, far, err := openPipe(1, 0)
	if err != nil {
		return nil, -1, err
	}
	return &input{file: file, turn: make(chan struct{}, 1)}, far, nil
}

// feed writes a body as the process takes it, and closes the input at its end. What the process does
// not want any more is dropped. A body that breaks off leaves the input open: its end would look like
// the end of all there was to read.
func (i *input) feed(ctx context.Context, body io.Reader) {
	buffer := make([]byte, inputBufferBytes)
	wanted := true
	for {
		count, err := body.Read(buffer)
		if count > 0 && wanted {
			wanted = i.write(ctx, buffer[:count])
		}
		if err == io.EOF {
			i.close(ctx)
		}
		if err != nil {
			return
		}
	}
}

// write tells whether the process may want more.
func (i *input) write(ctx context.Context, data []byte) bool {
	select {
	case i.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-i.turn }()
	_, err := i.file.Write(data)
	return err == nil
}

// close lets a write that goes on come to its end first.
func (i *input) close(ctx context.Context) {
	select {
	case i.turn <- struct{}{}:
		_ = i.file.Close()
		<-i.turn
	case <-ctx.Done():
	}
}

// abandon ends writes that go on as well.
func (i *input) abandon() {
	if i != nil {
		_ = i.file.Close()
	}
}

func closeAll(descriptors ...int) {
	for _, descriptor := range descriptors {
		_ = syscall.Close(descriptor)
	}
}
