package daemon

import (
	"os"
	"syscall"
)

// ownerAll is u+rwx.
const ownerAll = 0o700

// openToOwner gives a directory of this user back to it, where it was closed to everyone: no command
// could start in it any more, and none could open it again. What is not this user's stays as it is.
func openToOwner(path string) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm()&ownerAll == ownerAll {
		return
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(status.Uid) != os.Getuid() {
		return
	}
	// Where it cannot be done, on a file system that takes no writes say, calls on it tell so.
	_ = syscall.Chmod(path, status.Mode&0o7777|ownerAll)
}
