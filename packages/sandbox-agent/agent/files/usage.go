package files

import (
	"context"
	"syscall"
	"time"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	maxCounted   = 1_000_000
	maxTrees     = 16
	maxUsageMs   = 10 * 60 * 1000
	statBlock    = 512 // the unit of st_blocks, whatever the file system's own is
	linkCost     = 96  // of a file with several names in a map
	countedAside = 256 // entries that are counted before other calls get their turn
)

type usageParams struct {
	Paths     []wire.Bytes `json:"paths"`
	TimeoutMs int64        `json:"timeoutMs"`
}

type usageResult struct {
	Bytes    int64 `json:"bytes"`
	Complete bool  `json:"complete"`
}

// diskUsage tells what trees take on the disk, holes left out and hard links counted once. Where the
// time is up, or something cannot be looked into, it tells what it knows: at least that much is used.
func diskUsage(ctx context.Context, call *rpc.Call) (any, error) {
	var params usageParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if len(params.Paths) > maxTrees || params.TimeoutMs < 0 || params.TimeoutMs > maxUsageMs {
		return nil, wire.Errorf(wire.InvalidArgument, "%d trees within %d ms", len(params.Paths), params.TimeoutMs)
	}
	for _, path := range params.Paths {
		if err := CheckPath(path); err != nil {
			return nil, err
		}
	}
	c := &count{complete: true, linked: map[identity]bool{}, work: call.Work()}
	limit, cancel := context.WithTimeout(ctx, time.Duration(params.TimeoutMs)*time.Millisecond)
	defer cancel()
	for _, path := range params.Paths {
		c.tree(limit, string(path))
	}
	if ctx.Err() != nil {
		return nil, aborted()
	}
	return usageResult{c.bytes, c.complete}, nil
}

type count struct {
	bytes    int64
	entries  int
	complete bool
	linked   map[identity]bool
	work     *rpc.Work
}

func (c *count) tree(ctx context.Context, path string) {
	var start *Directory
	err := step(ctx, func() (err error) {
		start, err = openDirectory(atWorking, path, openPath)
		return err
	})
	if Missing(err) {
		return
	}
	if err != nil {
		c.complete = false
		return
	}
	defer start.Close()
	t, err := newTrail(start, ".", c.work)
	if err != nil {
		c.complete = false
		return
	}
	defer t.close()
	for done := false; !done; {
		err := step(ctx, func() (err error) {
			for visited := 0; visited < countedAside && !done && err == nil; visited++ {
				done, err = c.next(t)
			}
			return err
		})
		if err != nil {
			c.complete = false
			return
		}
	}
}

// next counts one entry, or goes back to the directory above. Its error ends the counting.
func (c *count) next(t *trail) (done bool, err error) {
	name, ok := t.next()
	if !ok {
		if t.depth() == 0 {
			return true, nil
		}
		_, err := t.leave()
		return false, err
	}
	if c.entries++; c.entries > maxCounted {
		return false, syscall.EOVERFLOW
	}
	directory := t.top().directory
	stat, err := directory.Stat(name)
	if err == syscall.ENOENT {
		return false, nil
	}
	if err != nil {
		c.complete = false
		return false, nil
	}
	c.add(&stat)
	if !isDirectory(&stat) {
		return false, nil
	}
	return false, c.enter(t, name)
}

func (c *count) add(stat *syscall.Stat_t) {
	if stat.Nlink > 1 && !isDirectory(stat) {
		id := identityOf(stat)
		if c.linked[id] {
			return
		}
		if c.work.Take(linkCost) != nil {
			c.complete = false // to count it each time would be too much
			return
		}
		c.linked[id] = true
	}
	c.bytes += stat.Blocks * statBlock
}

// enter passes over a directory that may not be read: the rest can still be counted.
func (c *count) enter(t *trail, name string) error {
	child, err := t.top().directory.Enter(name)
	if err != nil {
		if err != syscall.ENOENT {
			c.complete = false
		}
		return nil
	}
	names, err := readNames(child, c.work)
	if err != nil {
		c.complete = false
	}
	if err := t.enter(name, child); err != nil {
		return err
	}
	return t.expectTaken(names)
}
