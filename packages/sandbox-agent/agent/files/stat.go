package files

import (
	"context"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

type statResult struct {
	Info *Info `json:"info"`
}

func stat(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	var info Info
	err = step(ctx, func() (err error) {
		info, err = Lstat(path)
		return err
	})
	if Missing(err) {
		return statResult{}, nil
	}
	if err != nil {
		return nil, Translate("look at", path, err)
	}
	return statResult{&info}, nil
}

// pathParam is the path of a call that has no other parameter.
func pathParam(call *rpc.Call) (string, error) {
	var params struct {
		Path wire.Bytes `json:"path"`
	}
	if err := call.Params(&params); err != nil {
		return "", err
	}
	return string(params.Path), CheckPath(params.Path)
}
