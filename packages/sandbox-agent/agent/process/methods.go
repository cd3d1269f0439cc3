package process

import (
	"bufio"
	"context"
	"encoding/json"
	"math"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

type empty struct{}

func (t *Table) spawn(ctx context.Context, call *rpc.Call) (any, error) {
	var params spawnParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, wire.Errorf(wire.Aborted, "the call was given up before it began")
	}
	p, err := t.start(&params)
	if err != nil {
		return nil, err
	}
	defer t.leave(p)
	if p.input != nil {
		go p.input.feed(ctx, call.Body(ctx))
	}
	awaitShort(p)
	return (&telling{process: p, call: call, cancelStops: true}).run(ctx)
}

func (t *Table) attach(ctx context.Context, call *rpc.Call) (any, error) {
	var params struct {
		ID    string `json:"id"`
		After int64  `json:"after"`
	}
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if params.After < 0 {
		return nil, wire.Errorf(wire.InvalidArgument, "after is %d: sequence numbers begin at 1", params.After)
	}
	if params.After >= math.MaxUint32 {
		params.After = math.MaxUint32 - 1
	}
	p, err := t.follow(params.ID)
	if err != nil {
		return nil, err
	}
	defer t.leave(p)
	if p.open {
		go p.input.feed(ctx, call.Body(ctx))
	}
	return (&telling{process: p, call: call, after: uint32(params.After)}).run(ctx)
}

func (t *Table) kill(ctx context.Context, call *rpc.Call) (any, error) {
	var params struct {
		ID string `json:"id"`
	}
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	p, err := t.find(params.ID)
	if err != nil {
		return nil, err
	}
	if p.result() != nil {
		p.endLeftovers()
		return empty{}, nil
	}
	p.stop(cancelled)
	select {
	case <-p.ended:
		return empty{}, nil
	case <-ctx.Done():
		return nil, wire.Errorf(wire.Aborted, "the call was given up; process %q is being killed", p.id)
	}
}

func (t *Table) signal(_ context.Context, call *rpc.Call) (any, error) {
	var params struct {
		ID     string `json:"id"`
		Signal string `json:"signal"`
	}
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	signal, ok := signals[params.Signal]
	if !ok {
		return nil, wire.Errorf(wire.InvalidArgument, "there is no signal %q", params.Signal)
	}
	p, err := t.find(params.ID)
	if err != nil {
		return nil, err
	}
	p.child.Signal(signal)
	return empty{}, nil
}

type processInfo struct {
	ID        string  `json:"id"`
	Command   string  `json:"command"`
	StartedAt string  `json:"startedAt"`
	Result    *result `json:"result"`
}

// list writes one process after the other: their commands together may be much longer than what is sent
// at once.
func (t *Table) list(ctx context.Context, call *rpc.Call) (any, error) {
	output := bufio.NewWriterSize(call.Writer(ctx), wire.MaxChunk)
	separator := byte('[')
	for _, p := range t.all() {
		info := processInfo{ID: p.id, Command: p.command, StartedAt: p.startedAt(), Result: p.result()}
		element, err := json.Marshal(info)
		if err != nil {
			return nil, err
		}
		// An error stays, and Flush tells it.
		_ = output.WriteByte(separator)
		_, _ = output.Write(element)
		separator = ','
	}
	if separator == '[' {
		_ = output.WriteByte('[')
	}
	_ = output.WriteByte(']')
	return empty{}, output.Flush()
}

func (p *process) startedAt() string {
	return p.child.StartedAt().UTC().Format("2006-01-02T15:04:05.000Z")
}
