package daemon

import (
	"sync"

	"carrel-agent/children"
	"carrel-agent/rpc"
)

const (
	// maxConnections is how many there may be from outside of the sandbox, and as many that programs
	// in it may have made. An engine that starts a program in a sandbox is outside.
	maxConnections = 16
)

// connectionGroup is the connections of one kind, and the share that they have together.
type connectionGroup struct {
	share *rpc.Share

	mu      sync.Mutex
	members []*rpc.Connection // the oldest first
}

// connectionGroups tells the connections of the host from those that programs of the sandbox may have made. All
// have the same uid, and the same program at their other end; but only what was started from outside
// of the sandbox has a parent outside of its process namespace. If the sandbox has no such namespace
// of its own, all connections count as those of programs in it.
type connectionGroups struct{ outside, inside connectionGroup }

func newConnectionGroups() *connectionGroups {
	return &connectionGroups{
		outside: connectionGroup{share: rpc.NewShare(rpc.DefaultLimits)},
		inside:  connectionGroup{share: rpc.NewGuestShare(rpc.GuestLimits)},
	}
}

// of is the group that a process belongs to.
func (c *connectionGroups) of(pid int) *connectionGroup {
	if children.IsFromOutside(pid) {
		return &c.outside
	}
	return &c.inside
}

// serve serves a client to its end. If there are as many as there may be, another one has to go.
func (c *connectionGroup) serve(server *rpc.Server, client transport) {
	served := server.NewConnection(client, c.share)
	if !c.admit(served) {
		_ = client.Close()
		return
	}
	defer c.leave(served)
	// Why a connection ended concerns its client, who was told with GOODBYE.
	_ = served.Serve()
}

// admit makes room for a connection; it is false if all others are at work.
func (c *connectionGroup) admit(newcomer *rpc.Connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) >= maxConnections {
		least := c.leastNeeded()
		if least < 0 {
			return false
		}
		c.members[least].Close()
		c.members = append(c.members[:least], c.members[least+1:]...)
	}
	c.members = append(c.members, newcomer)
	return true
}

// leastNeeded is the oldest one that has not said HELLO, or else the one that has had no call open for
// the longest; -1 if all have one.
func (c *connectionGroup) leastNeeded() int {
	least := -1
	for index, member := range c.members {
		if !member.IsGreeted() {
			return index
		}
		since, idle := member.IdleSince()
		if !idle {
			continue
		}
		if least >= 0 {
			if before, _ := c.members[least].IdleSince(); !since.Before(before) {
				continue
			}
		}
		least = index
	}
	return least
}

func (c *connectionGroup) leave(served *rpc.Connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for index, member := range c.members {
		if member == served {
			c.members = append(c.members[:index], c.members[index+1:]...)
			return
		}
	}
}
