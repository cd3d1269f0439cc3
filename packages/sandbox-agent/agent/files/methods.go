package files

import (
	"context"

	"carrel-agent/rpc"
)

// service is what the calls of all connections share: the places that one of them is changing.
type service struct{ locks locks }

// Methods are the file methods of the protocol that do not search.
func Methods() map[string]rpc.Handler {
	s := &service{}
	return map[string]rpc.Handler{
		"stat":       stat,
		"ls":         list,
		"read":       read,
		"readStream": readStream,
		"write":      s.write,
		"edit":       s.edit,
		"remove":     remove,
		"move":       s.move,
		"mkdir":      makeDirectory,
		"archive":    archive,
		"watch":      watch,
		"diskUsage":  diskUsage,
	}
}

// step is one short piece of work that may block in the kernel. Nothing of it is done once the call
// was given up.
func step(ctx context.Context, work func() error) error {
	if ctx.Err() != nil {
		return aborted()
	}
	return rpc.Blocking(ctx, work)
}

// nothing is the result of a call that has none to tell.
type nothing struct{}
