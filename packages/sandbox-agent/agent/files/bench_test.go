package files

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"carrel-agent/wire"
)

const benchBytes = 256 << 20

type zeros struct{}

func (zeros) Read(into []byte) (int, error) { return len(into), nil }

func BenchmarkWrite256MiB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	c := agent(b)
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		call := c.open("write", params{"path": path})
		call.sendBody(io.LimitReader(zeros{}, benchBytes))
		call.end()
		if call.wait() != "" {
			b.Fatal(call.err)
		}
	}
}

func BenchmarkReadStream256MiB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	file, err := os.Create(path)
	must(b, err)
	_, err = io.Copy(file, io.LimitReader(zeros{}, benchBytes))
	must(b, err)
	must(b, file.Close())
	c := agent(b)
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		call := c.open("readStream", params{"path": path})
		call.drop.Store(true)
		if call.wait() != "" || call.taken != benchBytes {
			b.Fatal(call.err, call.taken)
		}
	}
}

// The agent's own part: no connection, which takes more than the file.
func BenchmarkDraft(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	s := &service{}
	b.SetBytes(benchBytes)
	for i := 0; i < b.N; i++ {
		params := writeParams{Path: wire.Bytes(path)}
		if _, err := s.writeFile(context.Background(), params, io.LimitReader(zeros{}, benchBytes)); err != nil {
			b.Fatal(err)
		}
	}
}
