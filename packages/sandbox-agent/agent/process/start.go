package process

import (
	"strings"
	"time"

	"carrel-agent/children"
	"carrel-agent/nonblocking"
	"carrel-agent/wire"
)

const (
	shell = "/bin/sh"
	// MAX_ARG_STRLEN, less the closing NUL.
	maxCommandBytes = 128*1024 - 1
	maxTimeoutMs    = 24 * 60 * 60 * 1000
	maxOutputBytes  = 64 * 1024 * 1024
)

type spawnParams struct {
	Command        string            `json:"command"`
	Directory      wire.Bytes        `json:"cwd"`
	Environment    map[string]string `json:"env"`
	Stdin          bool              `json:"stdin"`
	Open           bool              `json:"open"`
	TimeoutMs      int64             `json:"timeoutMs"`
	MaxOutputBytes int64             `json:"maxOutputBytes"`
}

func (s *spawnParams) check() error {
	switch {
	case len(s.Command) > maxCommandBytes:
		return wire.Errorf(wire.InvalidArgument, "a command of %d bytes: at most %d can be run", len(s.Command), maxCommandBytes)
	case strings.IndexByte(s.Command, 0) >= 0:
		return wire.Errorf(wire.InvalidArgument, "a command with a NUL")
	case s.TimeoutMs < 1 || s.TimeoutMs > maxTimeoutMs:
		return wire.Errorf(wire.InvalidArgument, "timeoutMs is %d and not 1 to %d", s.TimeoutMs, maxTimeoutMs)
	case s.MaxOutputBytes < 0 || s.MaxOutputBytes > maxOutputBytes:
		return wire.Errorf(wire.InvalidArgument, "maxOutputBytes is %d and not 0 to %d", s.MaxOutputBytes, maxOutputBytes)
	}
	if err := children.CheckDirectory(string(s.Directory)); err != nil {
		return err
	}
	return children.CheckEnvironment(s.Environment)
}

// start runs a command that was checked.
func (t *Table) start(params *spawnParams) (*process, error) {
	number, id := t.nextID()
	p := &process{
		id:          id,
		number:      number,
		command:     params.Command,
		open:        params.Open,
		output:      newRecording(t.budget, int(params.MaxOutputBytes)),
		memoryKills: t.memoryKills.count(),
		stopping:    make(chan struct{}),
		ended:       make(chan struct{}),
		readers:     1,
	}
	if err := p.begin(t, params); err != nil {
		return nil, children.StartError(err, string(params.Directory))
	}
	t.add(p)
	for _, pipe := range p.pipes {
		go pipe.run()
	}
	go func() {
		p.supervise(time.Duration(params.TimeoutMs) * time.Millisecond)
		p.settle(t.memoryKills)
		// Whoever learns of the end finds the table as it is after it.
		t.retire(p)
		p.announce()
	}()
	return p, nil
}

// begin opens the pipes and starts the shell; where that fails nothing stays open.
func (p *process) begin(t *Table, params *spawnParams) (err error) {
	var far []int
	var near []*nonblocking.File
	defer func() {
		closeAll(far...)
		if err != nil {
			for _, file := range near {
				_ = file.Close()
			}
		}
	}()
	program := children.Program{
		Path:        shell,
		Arguments:   []string{"sh", "-c", "--", params.Command},
		Directory:   string(params.Directory),
		Environment: children.Environment(t.environment, params.Environment, p.id),
		Mark:        p.id,
		Input:       t.null,
	}
	if params.Stdin || params.Open {
		if p.input, program.Input, err = newInput(); err != nil {
			return err
		}
		far, near = append(far, program.Input), append(near, p.input.file)
	}
	for index, target := range []*int{&program.Output, &program.Failure} {
		if p.pipes[index], *target, err = newPipe(p.record(byte(index+stdout)), p.output.lose); err != nil {
			return err
		}
		far, near = append(far, *target), append(near, p.pipes[index].file)
	}
	p.child, err = t.options.Reaper.Start(program)
	return err
}
