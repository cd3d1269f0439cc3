package terminal

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"carrel-agent/nonblocking"
)

const tiocgptpeer = 0x5441

// openPty gives the agent's end of a new terminal as a file that does not block, and the shell's end.
func openPty(size windowSize) (*nonblocking.File, int, error) {
	near, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, os.NewSyscallError("open /dev/ptmx", err)
	}
	far, err := openFarEnd(near, size)
	if err != nil {
		_ = syscall.Close(near)
		return nil, -1, err
	}
	return nonblocking.New(near, "pty"), far, nil
}

func openFarEnd(near int, size windowSize) (int, error) {
	unlocked := int32(0)
	if err := ioctl(near, syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlocked))); err != nil {
		return -1, os.NewSyscallError("unlockpt", err)
	}
	if err := resize(near, size); err != nil {
		return -1, err
	}
	const flags = syscall.O_RDWR | syscall.O_NOCTTY | syscall.O_CLOEXEC
	far, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(near), tiocgptpeer, flags)
	if errno == 0 {
		return int(far), nil
	}
	// Before Linux 4.13, and in gVisor, the other end has to be found by its name.
	number := uint32(0)
	if err := ioctl(near, syscall.TIOCGPTN, uintptr(unsafe.Pointer(&number))); err != nil {
		return -1, os.NewSyscallError("ptsname", err)
	}
	name := "/dev/pts/" + strconv.Itoa(int(number))
	opened, err := syscall.Open(name, flags, 0)
	if err != nil {
		return -1, os.NewSyscallError("open "+name, err)
	}
	return opened, nil
}

// windowSize is the kernel's struct winsize.
type windowSize struct {
	rows, columns, width, height uint16
}

func resize(descriptor int, size windowSize) error {
	return os.NewSyscallError("resize", ioctl(descriptor, syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))))
}

func ioctl(descriptor int, request, argument uintptr) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(descriptor), request, argument); errno != 0 {
		return errno
	}
	return nil
}
