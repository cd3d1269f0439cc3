package daemon

import (
	"syscall"
	"time"

	"carrel-agent/nonblocking"
)

// transport is a byte stream of one or two descriptors. Who waits for them holds no thread.
type transport struct{ in, out *nonblocking.File }

func socketTransport(fd int) transport {
	file := nonblocking.New(fd, "connection")
	return transport{file, file}
}

// standardTransport takes standard input and output away from the program, so that they close
// with the connection although the program goes on.
func standardTransport() (transport, error) {
	in, err := takeOver(0)
	if err != nil {
		return transport{}, err
	}
	out, err := takeOver(1)
	if err != nil {
		return transport{}, err
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return transport{}, err
	}
	for fd := 0; fd <= 2; fd++ {
		if err := syscall.Dup3(null, fd, 0); err != nil {
			return transport{}, err
		}
	}
	return transport{in, out}, syscall.Close(null)
}

func takeOver(fd int) (*nonblocking.File, error) {
	copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return nil, errno
	}
	if err := syscall.SetNonblock(int(copied), true); err != nil {
		return nil, err
	}
	return nonblocking.New(int(copied), "standard stream"), nil
}

func (t transport) Read(into []byte) (int, error)         { return t.in.Read(into) }
func (t transport) Write(data []byte) (int, error)        { return t.out.Write(data) }
func (t transport) SetReadDeadline(when time.Time) error  { return t.in.SetReadDeadline(when) }
func (t transport) SetWriteDeadline(when time.Time) error { return t.out.SetWriteDeadline(when) }

func (t transport) Close() error {
	err := t.in.Close()
	if t.out != t.in {
		if closing := t.out.Close(); err == nil {
			err = closing
		}
	}
	return err
}
