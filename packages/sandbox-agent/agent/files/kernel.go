package files

import (
	"syscall"
	"unsafe"
)

// The calls that the standard library's syscall package keeps to itself or does not have. A directory
// is given as an open descriptor, or as atWorking for a path that is absolute.
const (
	atWorking         = -100
	atNoFollow        = 0x100
	atRemoveDirectory = 0x200
	openPath          = 0x200000 // O_PATH
	renameNoReplace   = 1
	writeAccess       = 2
	timeOmit          = 1<<30 - 2 // UTIME_OMIT
)

// again repeats a call that a signal interrupted: the runtime sends itself some.
func again(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

func openAt(directory int, path string, flags int, mode uint32) (descriptor int, err error) {
	err = again(func() (err error) {
		descriptor, err = syscall.Openat(directory, path, flags|syscall.O_CLOEXEC, mode)
		return err
	})
	return descriptor, err
}

func statAt(directory int, path string, flags int) (stat syscall.Stat_t, err error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return stat, err
	}
	err = again(func() error {
		_, _, errno := syscall.Syscall6(sysFstatat, uintptr(directory), uintptr(unsafe.Pointer(name)),
			uintptr(unsafe.Pointer(&stat)), uintptr(flags), 0, 0)
		return failure(errno)
	})
	return stat, err
}

func unlinkAt(directory int, path string, flags int) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return again(func() error {
		_, _, errno := syscall.Syscall(syscall.SYS_UNLINKAT, uintptr(directory), uintptr(unsafe.Pointer(name)), uintptr(flags))
		return failure(errno)
	})
}

func readLinkAt(directory int, path string) (string, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return "", err
	}
	// The kernel lets no link be longer.
	var target [MaxPathBytes + 1]byte
	size, _, errno := syscall.Syscall6(syscall.SYS_READLINKAT, uintptr(directory), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&target[0])), uintptr(len(target)), 0, 0)
	if errno != 0 {
		return "", errno
	}
	return string(target[:size]), nil
}

func renameAt(fromDirectory int, from string, toDirectory int, to string, flags int) error {
	if flags == 0 {
		return again(func() error { return syscall.Renameat(fromDirectory, from, toDirectory, to) })
	}
	fromName, err := syscall.BytePtrFromString(from)
	if err != nil {
		return err
	}
	toName, err := syscall.BytePtrFromString(to)
	if err != nil {
		return err
	}
	return again(func() error {
		_, _, errno := syscall.Syscall6(sysRenameat2, uintptr(fromDirectory), uintptr(unsafe.Pointer(fromName)),
			uintptr(toDirectory), uintptr(unsafe.Pointer(toName)), uintptr(flags), 0)
		return failure(errno)
	})
}

// setTime sets when the content of an open file was changed last; when it was read stays.
func setTime(descriptor int, modified syscall.Timespec) error {
	times := [2]syscall.Timespec{{Nsec: timeOmit}, modified}
	_, _, errno := syscall.Syscall6(syscall.SYS_UTIMENSAT, uintptr(descriptor), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	return failure(errno)
}

// failure keeps an Errno of 0 from becoming an error that is not nil.
func failure(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
