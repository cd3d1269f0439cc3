package process

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

const (
	maxBudgetBytes = 96 * 1024 * 1024
	memoryShare    = 4
)

// budget bounds the output that is kept of all processes together. Over it, the output of those that
// ended longest ago goes first.
type budget struct {
	limit int

	mu    sync.Mutex
	used  int
	ended []*recording // the longest ended first
}

func newBudget() *budget {
	limit := maxBudgetBytes
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// "max" is no number, and none is no limit.
		if memory, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && memory/memoryShare < limit {
			limit = memory / memoryShare
		}
	}
	return &budget{limit: limit}
}

// use counts bytes that were added, and tells how many a running process must drop of its own.
func (b *budget) use(size int) (excess int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += size
	for b.used > b.limit && len(b.ended) > 0 {
		b.used -= b.ended[0].drop()
		b.ended = b.ended[1:]
	}
	if b.used > b.limit {
		return b.used - b.limit
	}
	return 0
}

func (b *budget) free(size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= size
}

// retire lets the output of a process that ended be dropped when others need the room.
func (b *budget) retire(ended *recording) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, ended)
}

// forget drops the output of a process that nobody can ask for any more.
func (b *budget) forget(ended *recording) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for index, candidate := range b.ended {
		if candidate == ended {
			b.ended = append(b.ended[:index], b.ended[index+1:]...)
			break
		}
	}
	b.used -= ended.drop()
}
