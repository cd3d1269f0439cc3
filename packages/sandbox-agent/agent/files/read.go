package files

import (
	"context"
	"io"
	"math"

	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// maxReadBytes is the most that one read gives, and the largest file that edit takes.
const maxReadBytes = 16 * 1024 * 1024

type readParams struct {
	Path   wire.Bytes `json:"path"`
	Offset int64      `json:"offset"`
	Limit  *int64     `json:"limit"`
}

type readResultJSON struct {
	Found bool `json:"found"`
}

func read(ctx context.Context, call *rpc.Call) (any, error) {
	var params readParams
	if err := call.Params(&params); err != nil {
		return nil, err
	}
	if err := CheckPath(params.Path); err != nil {
		return nil, err
	}
	path, limit := string(params.Path), int64(math.MaxInt64)
	if params.Limit != nil {
		limit = *params.Limit
	}
	if params.Offset < 0 || params.Offset > maxExact || limit < 0 {
		return nil, wire.Errorf(wire.InvalidArgument, "offset %d or limit %d is no count", params.Offset, limit)
	}
	file, err := openFor(ctx, path)
	if Missing(err) {
		return readResultJSON{Found: false}, nil
	}
	if err != nil {
		return nil, Translate("read", path, err)
	}
	defer file.Close()
	tooLarge := wire.Errorf(wire.TooLarge, "%s has more than the %d bytes that one read gives; read it in parts", Show(path), maxReadBytes)
	// What the file says of its size saves sending bytes in vain; what was read decides.
	if limit > maxReadBytes && file.Stat.Size-params.Offset > maxReadBytes {
		return nil, tooLarge
	}
	if limit > maxReadBytes {
		limit = maxReadBytes + 1
	}
	sent, err := sendFile(ctx, file, call.Writer(ctx), params.Offset, limit)
	if err != nil {
		return nil, Translate("read", path, err)
	}
	if sent > maxReadBytes {
		return nil, tooLarge
	}
	return readResultJSON{Found: true}, nil
}

func readStream(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := pathParam(call)
	if err != nil {
		return nil, err
	}
	file, err := openFor(ctx, path)
	if err != nil {
		return nil, Translate("read", path, absent(err))
	}
	defer file.Close()
	if _, err := sendFile(ctx, file, call.Writer(ctx), 0, math.MaxInt64); err != nil {
		return nil, Translate("read", path, err)
	}
	return nothing{}, nil
}

func openFor(ctx context.Context, path string) (file *File, err error) {
	err = step(ctx, func() (err error) {
		file, err = OpenFile(path)
		return err
	})
	return file, err
}

// sendFile passes on at most limit bytes from an offset on, and tells how many there were.
func sendFile(ctx context.Context, file *File, target io.Writer, offset, limit int64) (sent int64, err error) {
	block := takeBlock()
	defer giveBlock(block)
	for sent < limit {
		wanted := block[:]
		if limit-sent < int64(len(wanted)) {
			wanted = wanted[:limit-sent]
		}
		count := 0
		err := step(ctx, func() (err error) {
			count, err = file.ReadAt(wanted, offset+sent)
			return err
		})
		if err == io.EOF {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
		if _, err := target.Write(wanted[:count]); err != nil {
			return sent, err
		}
		sent += int64(count)
	}
	return sent, nil
}
