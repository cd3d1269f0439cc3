// Package files is the files of a sandbox: the file methods of architecture/agent-protocol.md. It
// runs as the sandbox's user, so that what the kernel allows is the policy, while that user's own
// programs change everything under it: each step holds what it works on by a descriptor, opens
// nothing that can block, and bounds by what it reads and never by what the file says of itself.
package files

import (
	"io"
	"syscall"
)

// File is an open regular file.
type File struct {
	descriptor int
	// Stat is what the file was when it was opened.
	Stat syscall.Stat_t
}

// OpenFile opens a regular file for reading and follows links to it. A directory is EISDIR, anything
// else that is no regular file ENXIO.
func OpenFile(path string) (*File, error) { return openFile(atWorking, path, 0) }

// openFile looks before it opens, because a FIFO notices that it is opened, and looks again at what
// it got, because something else may have come in between. O_NONBLOCK is for that case.
func openFile(directory int, path string, noFollow int) (*File, error) {
	lookFlags, openFlags := 0, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY
	if noFollow != 0 {
		lookFlags, openFlags = atNoFollow, openFlags|syscall.O_NOFOLLOW
	}
	stat, err := statAt(directory, path, lookFlags)
	if err != nil {
		return nil, err
	}
	if err := requireRegular(&stat); err != nil {
		return nil, err
	}
	descriptor, err := openAt(directory, path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	file := &File{descriptor: descriptor}
	err = syscall.Fstat(descriptor, &file.Stat)
	if err == nil {
		err = requireRegular(&file.Stat)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func requireRegular(stat *syscall.Stat_t) error {
	switch stat.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return nil
	case syscall.S_IFDIR:
		return syscall.EISDIR
	}
	return syscall.ENXIO
}

// Read is io.Reader. It blocks no longer than a disk takes, and still goes through rpc.Blocking.
func (f *File) Read(into []byte) (count int, err error) {
	err = again(func() (err error) {
		count, err = syscall.Read(f.descriptor, into)
		return err
	})
	return readResult(count, len(into), err)
}

// ReadAt is one read at an offset: other than io.ReaderAt it may give less than it was asked for.
func (f *File) ReadAt(into []byte, offset int64) (count int, err error) {
	err = again(func() (err error) {
		count, err = syscall.Pread(f.descriptor, into, offset)
		return err
	})
	return readResult(count, len(into), err)
}

func readResult(count, wanted int, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	if count == 0 && wanted > 0 {
		return 0, io.EOF
	}
	return count, nil
}

// Close gives the descriptor back; call it once.
func (f *File) Close() { closeDescriptor(f.descriptor) }

// closeDescriptor passes over the error: nothing that matters is left to be written back, and the
// descriptor is free whatever the kernel says.
func closeDescriptor(descriptor int) { _ = syscall.Close(descriptor) }
