package process

import (
	"sync"
	"syscall"

	"carrel-agent/nonblocking"
	"carrel-agent/wire"
)

// maxPipeBytes is the most that a pipe holds: pipe-max-size, as it is where nobody changed it.
const maxPipeBytes = 1024 * 1024

var readBuffers = sync.Pool{New: func() any { return new([wire.MaxChunk]byte) }}

// pipe is the agent's end of what a process writes into. While nothing comes it holds no buffer and
// no thread.
type pipe struct {
	file  *nonblocking.File
	lost  func()        // called when output was written that cannot be read
	ended chan struct{} // closed at the end of the last writer

	mu   sync.Mutex
	sink func([]byte) // nil: what comes is dropped
	over bool
}

// newPipe gives the agent's end, and the descriptor for the process.
func newPipe(sink func([]byte), lost func()) (*pipe, int, error) {
	file, far, err := openPipe(0, 1)
	if err != nil {
		return nil, -1, err
	}
	return &pipe{file: file, lost: lost, ended: make(chan struct{}), sink: sink}, far, nil
}

// openPipe gives one end as a file that does not block, and the other as a plain descriptor.
func openPipe(near, far int) (*nonblocking.File, int, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	if err := syscall.SetNonblock(ends[near], true); err != nil {
		_ = syscall.Close(ends[0])
		_ = syscall.Close(ends[1])
		return nil, -1, err
	}
	return nonblocking.New(ends[near], "pipe"), ends[far], nil
}

// run reads until the last writer is gone.
func (p *pipe) run() {
	// It ends without an error at the end of the pipe.
	err := p.file.WhenReadable(func(fd uintptr) bool { return p.take(fd, -1) })
	p.mu.Lock()
	if err != nil {
		p.lost()
	}
	p.finish()
	p.mu.Unlock()
	_ = p.file.Close()
}

// drain takes at once what is in the pipe.
func (p *pipe) drain() {
	// A pipe that is closed already was read to its end.
	_ = p.file.Control(func(fd uintptr) { p.take(fd, maxPipeBytes) })
}

// take reads what there is, at most so many bytes unless that is negative; true at the end of the pipe.
func (p *pipe) take(fd uintptr, limit int) bool {
	buffer := readBuffers.Get().(*[wire.MaxChunk]byte)
	defer readBuffers.Put(buffer)
	for taken := 0; limit < 0 || taken < limit; {
		count, over := p.read(int(fd), buffer[:])
		if over || count == 0 {
			return over
		}
		taken += count
	}
	return false
}

// read is one at a time, so that chunks keep the order of the bytes. Nothing and no end means that
// nothing is there yet.
func (p *pipe) read(fd int, buffer []byte) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.over {
		count, err := syscall.Read(fd, buffer)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, false
		case err != nil:
			p.lost()
			p.finish()
		case count == 0:
			p.finish()
		default:
			if p.sink != nil {
				p.sink(buffer[:count])
			}
			return count, false
		}
	}
	return 0, true
}

func (p *pipe) finish() {
	if !p.over {
		p.over = true
		close(p.ended)
	}
}

// discard drops what still comes, for as long as someone writes: a program that was left running
// does not die of its output.
func (p *pipe) discard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sink = nil
}
