// Package process runs the commands of a sandbox and keeps what they write:
// architecture/agent-protocol.md, "Methods: processes".
package process

import (
	"os"
	"sort"
	"strconv"
	"sync"
	"syscall"

	"carrel-agent/children"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// keptEnded is how many processes that ended can still be asked for.
const keptEnded = 100

// Options of a Table.
type Options struct {
	// Instance begins the id of every process. It is another one in each run of the agent, so that an
	// id is never used twice in a sandbox.
	Instance string
	Reaper   *children.Reaper
}

// Table is every process that runs, and the last that ended.
type Table struct {
	options     Options
	environment []string
	null        int
	budget      *budget
	memoryKills *memoryKills

	mu        sync.Mutex
	last      uint64
	processes map[string]*process
	ended     []*process // the longest ended first
}

// NewTable makes an empty table. Its processes get this program's environment.
func NewTable(options Options) (*Table, error) {
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open "+os.DevNull, err)
	}
	return &Table{
		options:     options,
		environment: os.Environ(),
		null:        null,
		budget:      newBudget(),
		memoryKills: newMemoryKills(),
		processes:   map[string]*process{},
	}, nil
}

// Methods are the calls that a client can make.
func (t *Table) Methods() map[string]rpc.Handler {
	return map[string]rpc.Handler{
		"spawn":     t.spawn,
		"attach":    t.attach,
		"kill":      t.kill,
		"signal":    t.signal,
		"processes": t.list,
	}
}

func (t *Table) nextID() (uint64, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.last, t.options.Instance + "-" + strconv.FormatUint(t.last, 10)
}

func (t *Table) add(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[p.id] = p
}

// retire keeps a process that ended until a hundred more have, and until nobody reads its output.
func (t *Table) retire(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.budget.retire(p.output)
	t.ended = append(t.ended, p)
	t.forgetOldest()
}

// forgetOldest leaves out those that are read: more commands than are kept may end at the same time,
// before the first of them has told what it wrote.
func (t *Table) forgetOldest() {
	kept := t.ended[:0]
	excess := len(t.ended) - keptEnded
	for _, p := range t.ended {
		if excess <= 0 || p.readers > 0 {
			kept = append(kept, p)
			continue
		}
		excess--
		delete(t.processes, p.id)
		t.budget.forget(p.output)
	}
	for index := len(kept); index < len(t.ended); index++ {
		t.ended[index] = nil
	}
	t.ended = kept
}

// follow finds a process whose output somebody is about to read, until leave.
func (t *Table) follow(id string) (*process, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.processes[id]
	if !ok {
		return nil, noProcess(id)
	}
	p.readers++
	return p, nil
}

// leave ends what follow or the start of the process began.
func (t *Table) leave(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.readers--
	t.forgetOldest()
}

func noProcess(id string) error {
	return wire.Errorf(wire.NotFound, "there is no process %q", id)
}

func (t *Table) find(id string) (*process, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.processes[id]; ok {
		return p, nil
	}
	return nil, noProcess(id)
}

// all gives the processes in the order in which they started.
func (t *Table) all() []*process {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*process, 0, len(t.processes))
	for _, p := range t.processes {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].number < all[j].number })
	return all
}
