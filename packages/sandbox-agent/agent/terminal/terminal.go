// Package terminal gives a client a login shell on a terminal of its own:
// architecture/agent-protocol.md, "Methods: terminals and connections".
package terminal

import (
	"context"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"carrel-agent/children"
	"carrel-agent/nonblocking"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

const (
	bufferBytes = 32 * 1024
	// How long what the shell wrote last is read, where something else still holds the terminal.
	drainTime = time.Second
)

// Options of a Table.
type Options struct {
	// Instance begins the id of every terminal.
	Instance string
	Reaper   *children.Reaper
}

// Table is every open terminal.
type Table struct {
	options     Options
	environment []string

	mu        sync.Mutex
	last      uint64
	terminals map[string]*terminal
}

type terminal struct {
	id    string
	file  *nonblocking.File
	shell *children.Child
}

// NewTable makes an empty table. Its shells get this program's environment.
func NewTable(options Options) *Table {
	return &Table{options: options, environment: os.Environ(), terminals: map[string]*terminal{}}
}

// Methods are the calls that a client can make.
func (t *Table) Methods() map[string]rpc.Handler {
	return map[string]rpc.Handler{"openTerminal": t.open, "resizeTerminal": t.resize}
}

type dimensions struct {
	Columns int `json:"columns"`
	Rows    int `json:"rows"`
}

func (d dimensions) size() (windowSize, error) {
	const most = 1<<16 - 1
	if d.Columns < 1 || d.Columns > most || d.Rows < 1 || d.Rows > most {
		return windowSize{}, wire.Errorf(wire.InvalidArgument, "a terminal of %d columns and %d rows: both are 1 to %d", d.Columns, d.Rows, most)
	}
	return windowSize{rows: uint16(d.Rows), columns: uint16(d.Columns)}, nil
}

type openParams struct {
	dimensions
	Directory   wire.Bytes        `json:"cwd"`
	Environment map[string]string `json:"env"`
}

func (t *Table) open(ctx context.Context, call *rpc.Call) (any, error) {
	var params openParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := call.Work().Take(2 * bufferBytes); err != nil {
		return nil, err
	}
	opened, err := t.start(&params)
	if err != nil {
		return nil, err
	}
	defer t.remove(opened)
	if err := call.Event(ctx, struct {
		ID string `json:"id"`
	}{opened.id}); err != nil {
		opened.kill()
		return nil, err
	}
	return opened.serve(ctx, call)
}

func (t *Table) start(params *openParams) (*terminal, error) {
	size, err := params.size()
	if err != nil {
		return nil, err
	}
	if err := children.CheckDirectory(string(params.Directory)); err != nil {
		return nil, err
	}
	if err := children.CheckEnvironment(params.Environment); err != nil {
		return nil, err
	}
	file, far, err := openPty(size)
	if err != nil {
		return nil, wire.Errorf(wire.Unavailable, "no terminal could be opened: %v", err)
	}
	defer syscall.Close(far)
	opened := &terminal{id: t.nextID(), file: file}
	opened.shell, err = t.options.Reaper.Start(t.program(params, opened.id, far))
	if err != nil {
		_ = file.Close()
		return nil, children.StartError(err, string(params.Directory))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.terminals[opened.id] = opened
	return opened, nil
}

func (t *Table) program(params *openParams, mark string, far int) children.Program {
	environment := map[string]string{"TERM": "xterm-256color"}
	for name, value := range params.Environment {
		environment[name] = value
	}
	path, name := "/bin/bash", "bash"
	if _, err := os.Stat(path); err != nil {
		path, name = "/bin/sh", "sh"
	}
	return children.Program{
		Path:        path,
		Arguments:   []string{name, "-l"},
		Directory:   string(params.Directory),
		Environment: children.Environment(t.environment, environment, mark),
		Mark:        mark,
		Input:       far, Output: far, Failure: far,
		Terminal: true,
	}
}

func (t *Table) nextID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.options.Instance + "-t" + strconv.FormatUint(t.last, 10)
}

func (t *Table) remove(closed *terminal) {
	t.mu.Lock()
	delete(t.terminals, closed.id)
	t.mu.Unlock()
	_ = closed.file.Close()
}

// serve passes bytes both ways until the shell ends, or the call does and takes the shell with it.
func (t *terminal) serve(ctx context.Context, call *rpc.Call) (any, error) {
	go func() {
		// The shell's end, or that of the call, ends it.
		_, _ = io.CopyBuffer(writerOnly{t.file}, call.Body(ctx), make([]byte, bufferBytes))
	}()
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		// At the end of the last program that has the terminal open, a read fails.
		_, _ = io.CopyBuffer(call.Writer(ctx), struct{ io.Reader }{t.file}, make([]byte, bufferBytes))
	}()
	select {
	case <-t.shell.Exited():
	case <-ctx.Done():
		t.kill()
		return nil, wire.Errorf(wire.Aborted, "the terminal was closed")
	}
	// The kernel hangs the terminal up, and what the shell wrote last is followed by the end.
	_ = t.file.SetReadDeadline(time.Now().Add(drainTime))
	select {
	case <-shown:
	case <-ctx.Done():
	}
	return struct{}{}, nil
}

// writerOnly keeps io.CopyBuffer to its buffer: a file would take the copying over, with one of its own.
type writerOnly struct{ io.Writer }

func (t *terminal) kill() { t.shell.Kill(syscall.SIGHUP) }

func (t *Table) resize(_ context.Context, call *rpc.Call) (any, error) {
	var params struct {
		dimensions
		ID string `json:"id"`
	}
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	size, err := params.size()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	found := t.terminals[params.ID]
	t.mu.Unlock()
	if found == nil {
		return nil, wire.Errorf(wire.NotFound, "there is no terminal %q", params.ID)
	}
	return struct{}{}, found.resize(size)
}

// resize keeps the file open meanwhile.
func (t *terminal) resize(size windowSize) error {
	var failed error
	if err := t.file.Control(func(descriptor uintptr) { failed = resize(int(descriptor), size) }); err != nil {
		return wire.Errorf(wire.NotFound, "the terminal %q was closed", t.id)
	}
	return failed
}
