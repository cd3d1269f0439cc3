package files

import (
	"bytes"
	"encoding/binary"
	"syscall"
)

// Kind is what a directory tells of the type of an entry.
type Kind uint8

const (
	KindOther     Kind = iota // a link, FIFO, socket or device
	KindRegular               // a regular file
	KindDirectory             // a directory, and no link to one
)

// EntriesBuffer is the size of buffer that Entries is meant for: some hundred entries at a time.
const EntriesBuffer = 32 * 1024

// A struct linux_dirent64: inode u64, offset u64, length u16, type u8, name. Both machines that the
// agent is built for have the lowest byte first.
const (
	entryLength = 16
	entryType   = 18
	entryName   = 19
)

// Entries reads on in the directory and visits the entries that come next, in no order and without
// `.`, `..` and drafts; false is the end. The name is valid during the visit only.
func (d *Directory) Entries(buffer []byte, visit func(name []byte, kind Kind)) (bool, error) {
	size := 0
	err := again(func() (err error) {
		size, err = syscall.ReadDirent(d.descriptor, buffer)
		return err
	})
	if err == syscall.ENOENT {
		return false, nil // somebody removed the directory
	}
	if err != nil || size <= 0 {
		return false, err
	}
	for rest := buffer[:size]; len(rest) > entryName; {
		length := int(binary.LittleEndian.Uint16(rest[entryLength:]))
		if length <= entryName || length > len(rest) {
			return false, syscall.EIO
		}
		name := rest[entryName:length]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if !isDots(name) && !(bytes.HasPrefix(name, []byte(draftPrefix)) && IsDraft(string(name))) {
			visit(name, d.kind(name, rest[entryType]))
		}
		rest = rest[length:]
	}
	return true, nil
}

// Rewind lets Entries and Names begin anew.
func (d *Directory) Rewind() error { return d.rewind() }

func isDots(name []byte) bool {
	return len(name) > 0 && name[0] == '.' && (len(name) == 1 || len(name) == 2 && name[1] == '.')
}

func (d *Directory) kind(name []byte, told uint8) Kind {
	switch told {
	case syscall.DT_REG:
		return KindRegular
	case syscall.DT_DIR:
		return KindDirectory
	case syscall.DT_UNKNOWN: // some file systems leave it to stat
		stat, err := d.Stat(string(name))
		if err != nil {
			return KindOther
		}
		switch stat.Mode & syscall.S_IFMT {
		case syscall.S_IFREG:
			return KindRegular
		case syscall.S_IFDIR:
			return KindDirectory
		}
	}
	return KindOther
}
