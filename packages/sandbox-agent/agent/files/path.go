package files

import (
	"strings"

	"carrel-agent/wire"
)

const (
	// MaxPathBytes is Linux's PATH_MAX, less the closing NUL.
	MaxPathBytes = 4095
	// MaxNameBytes is Linux's NAME_MAX.
	MaxNameBytes = 255
)

// CheckPath refuses what is not an absolute, normalised path: the client resolves, so that what it
// shows to its user and what is opened here is the same path.
func CheckPath(path wire.Bytes) error {
	text := string(path)
	switch {
	case !strings.HasPrefix(text, "/"):
		return invalidPath(text, "is not absolute")
	case len(text) > MaxPathBytes:
		return invalidPath(text, "is longer than 4095 bytes")
	case strings.IndexByte(text, 0) >= 0:
		return invalidPath(text, "contains a NUL")
	case text == "/":
		return nil
	}
	for rest := text; rest != ""; {
		var name string
		name, rest = nextName(rest[1:])
		if name == "" || name == "." || name == ".." {
			return invalidPath(text, "is not normalised")
		}
		if len(name) > MaxNameBytes {
			return invalidPath(text, "has a name of more than 255 bytes")
		}
	}
	return nil
}

// nextName takes the first name off a path; rest begins with the slash after it, or is empty.
func nextName(path string) (name, rest string) {
	if slash := strings.IndexByte(path, '/'); slash >= 0 {
		return path[:slash], path[slash:]
	}
	return path, ""
}

// Join is the path of a name in a directory.
func Join(directory, name string) string {
	if directory == "/" {
		return "/" + name
	}
	return directory + "/" + name
}

// split gives the directory of a path as a link or a caller wrote it, and the last name in it.
func split(path string) (directory, name string) {
	slash := strings.LastIndexByte(path, '/')
	switch {
	case slash < 0:
		return ".", path
	case slash == 0:
		return "/", path[1:]
	}
	return path[:slash], path[slash+1:]
}

func invalidPath(path, why string) error {
	return wire.Errorf(wire.InvalidPath, "the path %s %s", Show(path), why)
}
