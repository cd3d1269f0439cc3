package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

type editParams struct {
	Path       wire.Bytes  `json:"path"`
	OldBytes   int64       `json:"oldBytes"`
	NewBytes   int64       `json:"newBytes"`
	ReplaceAll bool        `json:"replaceAll"`
	IfHash     expectation `json:"ifHash"`
}

type editResult struct {
	Replacements int    `json:"replacements"`
	SizeBytes    int64  `json:"sizeBytes"`
	Hash         string `json:"hash"`
	FirstLine    int    `json:"firstLine"`
}

// editSlots bounds the memory of edits: each holds a whole file.
var editSlots = make(chan struct{}, 4)

func (s *service) edit(ctx context.Context, call *rpc.Call) (any, error) {
	var params editParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := CheckPath(params.Path); err != nil {
		return nil, err
	}
	oldText, newText, err := editTexts(params, countedBody{call.Body(ctx), call.Work()})
	if err != nil {
		return nil, err
	}
	result, err := s.editFile(ctx, params, oldText, newText)
	if err != nil {
		return nil, Translate("edit", string(params.Path), err)
	}
	return result, nil
}

// countedBody counts what is read of a body as held, a quarter more than its bytes: a slice that grows
// has so much to spare.
type countedBody struct {
	body io.Reader
	work *rpc.Work
}

func (c countedBody) Read(into []byte) (int, error) {
	count, err := c.body.Read(into)
	if refused := c.work.Take(count + count/4); refused != nil {
		return 0, refused
	}
	return count, err
}

// editTexts takes the old text and the new one from the body, which is as long as they are.
func editTexts(params editParams, body io.Reader) (oldText, newText []byte, err error) {
	if params.OldBytes <= 0 || params.NewBytes < 0 {
		return nil, nil, wire.Errorf(wire.InvalidArgument,
			"a text to replace of %d bytes by one of %d; to write a whole file use write", params.OldBytes, params.NewBytes)
	}
	if params.OldBytes > maxReadBytes || params.NewBytes > maxReadBytes {
		return nil, nil, wire.Errorf(wire.TooLarge, "texts of %d and %d bytes; edit takes up to %d", params.OldBytes, params.NewBytes, maxReadBytes)
	}
	size := params.OldBytes + params.NewBytes
	// As it comes, and not as it is announced: memory is for what was sent.
	texts, err := io.ReadAll(io.LimitReader(body, size+1))
	var refused *wire.Error
	if errors.As(err, &refused) {
		return nil, nil, refused
	}
	if err != nil {
		return nil, nil, broken(err)
	}
	if int64(len(texts)) != size {
		return nil, nil, wire.Errorf(wire.InvalidArgument, "a body of other than %d bytes", size)
	}
	return texts[:params.OldBytes], texts[params.OldBytes:], nil
}

func (s *service) editFile(ctx context.Context, params editParams, oldText, newText []byte) (any, error) {
	target, err := writablePlace(ctx, string(params.Path), false)
	if err != nil {
		return nil, absent(err)
	}
	defer target.close()
	release, err := s.locks.take(ctx, target)
	if err != nil {
		return nil, err
	}
	defer release()
	select {
	case editSlots <- struct{}{}:
	case <-ctx.Done():
		return nil, aborted()
	}
	defer func() { <-editSlots }()
	if err := target.refresh(ctx); err != nil {
		return nil, err
	}
	return editPlace(ctx, target, params, oldText, newText)
}

// editPlace edits the file in a place that is locked.
func editPlace(ctx context.Context, target *place, params editParams, oldText, newText []byte) (any, error) {
	before, err := target.load(ctx)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(before)
	actual := hex.EncodeToString(digest[:])
	if err := params.IfHash.compare(target.name, &actual); err != nil {
		return nil, err
	}
	count, err := occurrences(before, oldText, params)
	if err != nil {
		return nil, err
	}
	if after := int64(len(before)) + int64(count)*int64(len(newText)-len(oldText)); after > maxReadBytes {
		return nil, wire.Errorf(wire.TooLarge, "%s would become %d bytes; edit works up to %d", Show(string(params.Path)), after, maxReadBytes)
	}
	draft, err := newDraft(ctx, target.directory)
	if err != nil {
		return nil, err
	}
	defer draft.close()
	if err := draft.replace(ctx, before, oldText, newText); err != nil {
		return nil, err
	}
	how := manner{like: target.stat, mode: target.mode()}
	if err := step(ctx, func() error { return draft.commit(target, how) }); err != nil {
		return nil, err
	}
	firstLine := bytes.Count(before[:bytes.Index(before, oldText)], []byte{'\n'}) + 1
	return editResult{count, draft.size, draft.sum(), firstLine}, nil
}

// load reads the whole file. It stops by what it has read: a file can grow, or say that it is small.
func (p *place) load(ctx context.Context) (content []byte, err error) {
	var file *File
	err = step(ctx, func() (err error) {
		file, err = p.directory.OpenFile(p.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var whole bytes.Buffer
	if size := file.Stat.Size; size <= maxReadBytes {
		whole.Grow(int(size) + bytes.MinRead)
	}
	if _, err := sendFile(ctx, file, &whole, 0, maxReadBytes+1); err != nil {
		return nil, err
	}
	if whole.Len() > maxReadBytes {
		return nil, wire.Errorf(wire.TooLarge, "%s is larger than %d bytes; edit works up to that", Show(p.name), maxReadBytes)
	}
	return whole.Bytes(), nil
}

func occurrences(content, wanted []byte, params editParams) (int, error) {
	path, count := Show(string(params.Path)), bytes.Count(content, wanted)
	switch {
	case count == 0:
		return 0, wire.Errorf(wire.NoMatch, "the text to replace does not occur in %s; read the file again", path)
	case count > 1 && !params.ReplaceAll:
		return 0, wire.Errorf(wire.AmbiguousMatch,
			"the text to replace occurs %d times in %s; give more of the text around it, or replace all", count, path)
	}
	return count, nil
}

// replace fills the draft with the content, each old text in it replaced.
func (d *draft) replace(ctx context.Context, content, oldText, newText []byte) error {
	block := takeBlock()
	defer giveBlock(block)
	output := &buffered{target: draftWriter{ctx, d}, block: block}
	for {
		position := bytes.Index(content, oldText)
		if position < 0 {
			break
		}
		if err := output.add(content[:position]); err != nil {
			return err
		}
		if err := output.add(newText); err != nil {
			return err
		}
		content = content[position+len(oldText):]
	}
	if err := output.add(content); err != nil {
		return err
	}
	return output.flush()
}

type draftWriter struct {
	ctx   context.Context
	draft *draft
}

func (w draftWriter) Write(data []byte) (int, error) {
	return len(data), w.draft.add(w.ctx, data)
}
