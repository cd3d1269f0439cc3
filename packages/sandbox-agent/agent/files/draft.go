package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"syscall"

	"carrel-agent/rpc"
)

const (
	draftPrefix = ".carrel-"
	draftSuffix = ".tmp"
	draftDigits = 16
	draftMode   = 0o600
	fileMode    = 0o644
)

// IsDraft tells the name of a file that is being written. Who lists, searches, packs or watches
// leaves it out: it is no file of the user's, also where a killed agent left it behind.
func IsDraft(name string) bool {
	if !strings.HasPrefix(name, draftPrefix) || !strings.HasSuffix(name, draftSuffix) {
		return false
	}
	digits := name[len(draftPrefix) : len(name)-len(draftSuffix)]
	_, err := hex.DecodeString(digits)
	return err == nil && len(digits) == draftDigits
}

func withoutDrafts(names []string) []string {
	kept := names[:0]
	for _, name := range names {
		if !IsDraft(name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// draft is the new content of a file, in the directory of the one that it will replace: the change
// is one rename. It is not synced to the disk: a crash of the sandbox does not lose what the kernel
// has, and one of the machine leaves the old content or the new as the file system orders it.
type draft struct {
	directory  *Directory
	name       string
	descriptor int
	hash       hash.Hash
	size       int64
	limit      int64
	committed  bool
}

func newDraft(ctx context.Context, directory *Directory) (*draft, error) {
	d := &draft{directory: directory, hash: sha256.New()}
	var random [draftDigits / 2]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	d.name = draftPrefix + hex.EncodeToString(random[:]) + draftSuffix
	err := step(ctx, func() (err error) {
		d.limit = fileSizeLimit()
		flags := syscall.O_WRONLY | syscall.O_CREAT | syscall.O_EXCL | syscall.O_NOFOLLOW
		d.descriptor, err = openAt(directory.descriptor, d.name, flags, draftMode)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// fileSizeLimit is where the kernel would end this process by SIGXFSZ for writing on.
func fileSizeLimit() int64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit) != nil || limit.Cur > maxExact {
		return maxExact
	}
	return int64(limit.Cur)
}

// add appends a piece of at most a block. It is hashed while the kernel takes it.
func (d *draft) add(ctx context.Context, data []byte) error {
	if d.size+int64(len(data)) > d.limit {
		return syscall.EFBIG
	}
	d.size += int64(len(data))
	hashed := make(chan struct{})
	go func() {
		d.hash.Write(data)
		close(hashed)
	}()
	err := step(ctx, func() error { return writeAll(d.descriptor, data) })
	<-hashed
	return err
}

func writeAll(descriptor int, data []byte) error {
	for len(data) > 0 {
		count := 0
		err := again(func() (err error) {
			count, err = syscall.Write(descriptor, data)
			return err
		})
		if err != nil {
			return err
		}
		data = data[count:]
	}
	return nil
}

// manner is how a draft takes its place.
type manner struct {
	like     *syscall.Stat_t // whose owner it gets; nil for the user's own
	mode     uint32
	ifAbsent bool // otherwise EEXIST
}

// commit puts the draft in its place, which the caller has locked.
func (d *draft) commit(p *place, how manner) error {
	if err := d.inherit(how.like); err != nil {
		return err
	}
	// After the owner: a change of owner takes set-uid bits away.
	if err := syscall.Fchmod(d.descriptor, how.mode); err != nil {
		return err
	}
	var err error
	if how.ifAbsent {
		err = renameIfAbsent(d.directory, d.name, p.directory, p.name)
	} else {
		err = renameAt(d.directory.descriptor, d.name, p.directory.descriptor, p.name, 0)
	}
	d.committed = err == nil
	return err
}

// inherit gives the draft the owner of another file. Where that is not allowed neither is the change
// that would lose it.
func (d *draft) inherit(stat *syscall.Stat_t) error {
	if stat == nil {
		return nil
	}
	var own syscall.Stat_t
	if err := syscall.Fstat(d.descriptor, &own); err != nil {
		return err
	}
	if own.Uid == stat.Uid && own.Gid == stat.Gid {
		return nil
	}
	return syscall.Fchown(d.descriptor, int(stat.Uid), int(stat.Gid))
}

// close removes what was not committed, also where the call was given up.
func (d *draft) close() {
	_ = rpc.Blocking(context.Background(), func() error {
		closeDescriptor(d.descriptor)
		if d.committed {
			return nil
		}
		// Where this fails the name is gone already, or nobody here may remove it.
		return unlinkAt(d.directory.descriptor, d.name, 0)
	})
}

func (d *draft) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }

// renameIfAbsent is EEXIST where something stands at the target. A file system that cannot do it in
// one step does it in two, safe from the agent's own calls by the lock of the place.
func renameIfAbsent(fromDirectory *Directory, from string, toDirectory *Directory, to string) error {
	err := renameAt(fromDirectory.descriptor, from, toDirectory.descriptor, to, renameNoReplace)
	if err != syscall.EINVAL && err != syscall.ENOSYS {
		return err
	}
	if _, err := toDirectory.Stat(to); err != syscall.ENOENT {
		if err == nil {
			err = syscall.EEXIST
		}
		return err
	}
	return renameAt(fromDirectory.descriptor, from, toDirectory.descriptor, to, 0)
}
