package files

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"unicode/utf8"

	"carrel-agent/wire"
)

// codes is every way in which the kernel refuses work on files that a sandbox can bring about. What
// is not in it is a fault of the machine and no answer to the caller: `unavailable`.
var codes = map[syscall.Errno]wire.Code{
	syscall.ENOENT:       wire.NotFound,
	syscall.ENOTDIR:      wire.NotDirectory,
	syscall.EISDIR:       wire.IsDirectory,
	syscall.ENOTEMPTY:    wire.IsDirectory,
	syscall.ENXIO:        wire.NotRegular, // a socket, or a device without a driver
	syscall.ENODEV:       wire.NotRegular,
	syscall.EEXIST:       wire.AlreadyExists,
	syscall.EACCES:       wire.PermissionDenied,
	syscall.EPERM:        wire.PermissionDenied,
	syscall.EROFS:        wire.PermissionDenied,
	syscall.ELOOP:        wire.InvalidPath, // links in a circle
	syscall.ENAMETOOLONG: wire.InvalidPath,
	syscall.EILSEQ:       wire.InvalidPath, // a name that this file system cannot have
	syscall.EINVAL:       wire.InvalidPath, // a directory into itself
	syscall.EBUSY:        wire.InvalidPath, // a mount point, which cannot be removed or moved
	syscall.EFBIG:        wire.TooLarge,
	syscall.EOVERFLOW:    wire.TooLarge,
	syscall.ENOSPC:       wire.NoSpace,
	syscall.EDQUOT:       wire.NoSpace,
	syscall.EMLINK:       wire.NoSpace, // a directory with as many directories in it as can be
	syscall.EXDEV:        wire.Unsupported,
	syscall.ENOSYS:       wire.Unsupported,
	syscall.EOPNOTSUPP:   wire.Unsupported,
	syscall.EMFILE:       wire.Capacity,
	syscall.ENFILE:       wire.Capacity,
	syscall.ENOMEM:       wire.Capacity,
}

// advice is what the caller can do about an error, where that is not plain from the words of the kernel.
var advice = map[syscall.Errno]string{
	syscall.ENOTEMPTY: "; remove it recursively, with all that is in it",
	syscall.EBUSY:     "; it is a mount point: name something in it",
	syscall.ENOSPC:    "; remove something first",
	syscall.EDQUOT:    "; remove something first",
	syscall.EXDEV:     "; these are two file systems: copy it by a command",
	syscall.EMFILE:    "; try again once other calls have ended",
}

// Translate gives the error that a client sees for one of the kernel: doing is a verb, and path what
// it was done to. An error that is a client's already stays as it is.
func Translate(doing, path string, err error) error {
	var known *wire.Error
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return aborted()
	case !errors.As(err, &errno):
		return wire.Errorf(wire.Unavailable, "cannot %s %s: %v", doing, Show(path), err)
	}
	code, ok := codes[errno]
	if !ok {
		code = wire.Unavailable
	}
	return wire.Errorf(code, "cannot %s %s: %v%s", doing, Show(path), errno, advice[errno])
}

// Missing tells that nothing is at a path, also where a parent is missing or is a file.
func Missing(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR)
}

const shownBytes = 200

// Show quotes a path for a message, which it may not flood.
func Show(path string) string {
	if len(path) <= shownBytes {
		return fmt.Sprintf("%q", path)
	}
	end := shownBytes
	for end > shownBytes-utf8.UTFMax && !utf8.RuneStart(path[end]) {
		end--
	}
	return fmt.Sprintf("%q…", path[:end])
}

func aborted() error { return wire.Errorf(wire.Aborted, "the call was given up") }

// absent makes one of the two ways in which nothing can be at a path, for methods whose contract
// knows only one.
func absent(err error) error {
	if Missing(err) {
		return syscall.ENOENT
	}
	return err
}
