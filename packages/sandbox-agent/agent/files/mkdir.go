package files

import (
	"context"
	"syscall"

	"carrel-agent/rpc"
)

func makeDirectory(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	err = step(ctx, func() error { return makeDirectoryAt(path) })
	if err != nil {
		return nil, Translate("make", path, err)
	}
	return nothing{}, nil
}

func makeDirectoryAt(path string) error {
	if path == "/" {
		return nil
	}
	parentPath, name := split(path)
	parent, err := openParent(atWorking, parentPath, true)
	if err != nil {
		return err
	}
	defer parent.Close()
	err = syscall.Mkdirat(parent.descriptor, name, directoryMode)
	if err != syscall.EEXIST {
		return err
	}
	stat, lookErr := statAt(parent.descriptor, name, 0)
	if lookErr == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return nil
	}
	return err
}
