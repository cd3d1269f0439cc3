package children

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"carrel-agent/wire"
)

// CheckDirectory refuses what cannot be the directory that a program starts in.
func CheckDirectory(path string) error {
	if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
		return wire.Errorf(wire.InvalidPath, "the working directory %q is no absolute path", path)
	}
	return nil
}

// CheckEnvironment refuses names and values that no variable can have.
func CheckEnvironment(variables map[string]string) error {
	for name, value := range variables {
		if !isVariableName(name) {
			return wire.Errorf(wire.InvalidArgument, "%q is no name of an environment variable", name)
		}
		if strings.IndexByte(value, 0) >= 0 {
			return wire.Errorf(wire.InvalidArgument, "the value of the environment variable %s has a NUL", name)
		}
	}
	return nil
}

func isVariableName(name string) bool {
	for index := 0; index < len(name); index++ {
		c := name[index]
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (index == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// StartError tells why a program could not be started in a directory. The kernel does not tell
// whether it means the directory or the program.
func StartError(err error, directory string) error {
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return wire.Errorf(wire.ProcessLimit, "the sandbox runs as many processes as it may: kill some first, also of commands that ended and left some")
	case errors.Is(err, syscall.E2BIG):
		return wire.Errorf(wire.InvalidArgument, "the command and its environment are too large together")
	}
	if problem := directoryError(directory); problem != nil {
		return problem
	}
	return wire.Errorf(wire.Unavailable, "the command could not be started: %v", err)
}

func directoryError(path string) error {
	info, err := os.Stat(path)
	const search = 1 // X_OK
	switch {
	case errors.Is(err, syscall.ENOENT):
		return wire.Errorf(wire.NotFound, "the working directory %q does not exist", path)
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return wire.Errorf(wire.NotDirectory, "the working directory %q is no directory", path)
	case errors.Is(err, syscall.EACCES), err == nil && syscall.Access(path, search) != nil:
		return wire.Errorf(wire.PermissionDenied, "the working directory %q may not be entered", path)
	case err != nil:
		return wire.Errorf(wire.InvalidPath, "the working directory %q: %v", path, err)
	}
	return nil
}
