package daemon

import (
	"carrel-agent/children"
	"carrel-agent/files"
	"carrel-agent/network"
	"carrel-agent/process"
	"carrel-agent/rpc"
	"carrel-agent/search"
	"carrel-agent/terminal"
)

// methodsOf joins all that an agent can do.
func methodsOf(instance string, ownsSandbox bool) (map[string]rpc.Handler, error) {
	reaper, err := children.NewReaper(children.Options{Instance: instance, OwnsSandbox: ownsSandbox})
	if err != nil {
		return nil, err
	}
	processes, err := process.NewTable(process.Options{Instance: instance, Reaper: reaper})
	if err != nil {
		return nil, err
	}
	terminals := terminal.NewTable(terminal.Options{Instance: instance, Reaper: reaper})
	all := map[string]rpc.Handler{}
	parts := []map[string]rpc.Handler{
		files.Methods(), search.Methods(), processes.Methods(), terminals.Methods(), network.Methods(),
	}
	for _, methods := range parts {
		for name, handler := range methods {
			all[name] = handler
		}
	}
	return all, nil
}
