package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"carrel-agent/wire"
)

// expectation is what a caller knows of a file that it wants to change: nothing, that there is none,
// or the hash of its content.
type expectation struct {
	given bool
	hash  *string
}

// UnmarshalJSON is not called for a field that is absent; for null it is.
func (e *expectation) UnmarshalJSON(data []byte) error {
	e.given = true
	return json.Unmarshal(data, &e.hash)
}

// wantsNone tells that nothing may stand there.
func (e expectation) wantsNone() bool { return e.given && e.hash == nil }

// check is a conflict where the file is another than the caller knows. The place is locked.
func (e expectation) check(ctx context.Context, target *place) error {
	if !e.given {
		return nil
	}
	if target.stat == nil {
		return e.compare(target.name, nil)
	}
	if e.hash == nil {
		return conflict(target.name, "exists")
	}
	actual, err := hashPlace(ctx, target)
	if err != nil {
		return err
	}
	return e.compare(target.name, &actual)
}

// compare takes the hash that the file has, or nil where there is none.
func (e expectation) compare(name string, actual *string) error {
	switch {
	case !e.given, e.hash == nil && actual == nil:
		return nil
	case actual == nil:
		return conflict(name, "no longer exists")
	case e.hash == nil:
		return conflict(name, "exists")
	case *e.hash != *actual:
		return conflict(name, "has changed")
	}
	return nil
}

func conflict(name, what string) error {
	return wire.Errorf(wire.Conflict, "%s %s; read it again, then decide", Show(name), what)
}

func hashPlace(ctx context.Context, target *place) (string, error) {
	var file *File
	err := step(ctx, func() (err error) {
		file, err = target.directory.OpenFile(target.name)
		return err
	})
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	block := takeBlock()
	defer giveBlock(block)
	for {
		count := 0
		err := step(ctx, func() (err error) {
			count, err = file.Read(block[:])
			return err
		})
		if err == io.EOF {
			return hex.EncodeToString(digest.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
		digest.Write(block[:count])
	}
}
