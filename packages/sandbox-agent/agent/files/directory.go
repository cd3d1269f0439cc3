package files

import (
	"syscall"
)

// Directory is an open directory: what is done in it is done there, wherever its path leads by then.
type Directory struct{ descriptor int }

// OpenDirectory opens a directory for reading and follows links to it.
func OpenDirectory(path string) (*Directory, error) {
	return openDirectory(atWorking, path, syscall.O_RDONLY)
}

// openDirectory cannot open anything else: O_DIRECTORY is looked at before a FIFO would be waited for.
func openDirectory(parent int, path string, flags int) (*Directory, error) {
	descriptor, err := openAt(parent, path, flags|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &Directory{descriptor}, nil
}

// Enter opens a directory in this one. A link is ENOTDIR or ELOOP: it is not followed.
func (d *Directory) Enter(name string) (*Directory, error) {
	return openDirectory(d.descriptor, name, syscall.O_RDONLY|syscall.O_NOFOLLOW)
}

// OpenFile opens a regular file in this directory for reading, as the function of that name. A link
// is ENXIO or ELOOP: it is not followed.
func (d *Directory) OpenFile(name string) (*File, error) {
	return openFile(d.descriptor, name, atNoFollow)
}

// Stat tells what stands at a name; a link is not followed.
func (d *Directory) Stat(name string) (syscall.Stat_t, error) {
	return statAt(d.descriptor, name, atNoFollow)
}

// ReadLink tells where a link leads.
func (d *Directory) ReadLink(name string) (string, error) { return readLinkAt(d.descriptor, name) }

// Names reads on in the directory and gives the names that come next, in no order and without `.`
// and `..`: at least limit of them, or all that are left.
func (d *Directory) Names(limit int) (names []string, err error) {
	var buffer [32 * 1024]byte
	for len(names) < limit {
		size := 0
		err := again(func() (err error) {
			size, err = syscall.ReadDirent(d.descriptor, buffer[:])
			return err
		})
		if err == syscall.ENOENT {
			return names, nil // somebody removed the directory
		}
		if err != nil || size <= 0 {
			return names, err
		}
		_, _, names = syscall.ParseDirent(buffer[:size], -1, names)
	}
	return names, nil
}

// rewind lets Names begin anew.
func (d *Directory) rewind() error {
	_, err := syscall.Seek(d.descriptor, 0, 0)
	return err
}

func (d *Directory) identity() (identity, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(d.descriptor, &stat); err != nil {
		return identity{}, err
	}
	return identityOf(&stat), nil
}

// Close gives the descriptor back; call it once.
func (d *Directory) Close() { closeDescriptor(d.descriptor) }

// identity tells a file from every other.
type identity struct{ device, inode uint64 }

func identityOf(stat *syscall.Stat_t) identity {
	return identity{uint64(stat.Dev), stat.Ino}
}
