package files

import (
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// nameCost is what a name in memory costs beside its bytes: its header, in a slice that grows by
// doubling, and what the allocator rounds up.
const nameCost = 48

func costOf(names ...string) (cost int) {
	for _, name := range names {
		cost += len(name) + nameCost
	}
	return cost
}

// readNames reads all names of a directory, in no order. The work counts what they cost.
func readNames(directory *Directory, work *rpc.Work) (names []string, err error) {
	for {
		next, err := directory.Names(entriesAtOnce)
		if err != nil || len(next) == 0 {
			return names, err
		}
		if err := work.Take(costOf(next...)); err != nil {
			return names, err
		}
		if names = append(names, next...); len(names) > maxPending {
			return names, wire.Errorf(wire.TooLarge, "a directory has more than %d entries", maxPending)
		}
	}
}
