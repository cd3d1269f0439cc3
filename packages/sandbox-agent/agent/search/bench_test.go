package search

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"carrel-agent/files"
)

const benchedBytes = 100_000_000

// text makes lines of words with one needle in a hundred thousand lines.
func text(size int) []byte {
	random := rand.New(rand.NewSource(1))
	out := make([]byte, 0, size+100)
	for line := 0; len(out) < size; line++ {
		for word := 0; word < 8; word++ {
			for letter := 2 + random.Intn(8); letter > 0; letter-- {
				out = append(out, "etaoinshrdlucmfw"[random.Intn(16)])
			}
			out = append(out, ' ')
		}
		if line%100_000 == 0 {
			out = append(out, "Needle(42)"...)
		}
		out = append(out, '\n')
	}
	return out
}

func benchSearch(b *testing.B, work func(*search) error) {
	b.Helper()
	s := &search{stop: context.Background(), results: newResults(io.Discard, maxResults)}
	if err := work(s); err != nil && err != errEnough {
		b.Fatal(err)
	}
}

// BenchmarkGrep searches 100 MB in one file, beside GNU grep where there is one.
func BenchmarkGrep(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, text(benchedBytes), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, pattern       string
		literal, ignoreCase bool
		gnu                 []string
	}{
		{"literal", "Needle(", true, false, []string{"-nF"}},
		{"literal of common letters", "setaoin", true, false, []string{"-nF"}},
		{"literal ignoring case", "nEEdle(", true, true, []string{"-nFi"}},
		{"expression with a text", `Need\w+\(\d+\)`, false, false, []string{"-nP"}},
		{"alternatives", `Needle|Haystack`, false, false, []string{"-nE"}},
		{"expression without a text", `[A-Z][a-z]+\S\d\d`, false, false, []string{"-nP"}},
		{"every line", `e`, false, false, []string{"-nF", "-m10000"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			matcher, err := compileMatcher(c.pattern, c.literal, c.ignoreCase)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(benchedBytes)
			for i := 0; i < b.N; i++ {
				benchSearch(b, func(s *search) error { return s.grepOne(path, newLineScan(s, matcher)) })
			}
		})
		b.Run(c.name+" by GNU grep", func(b *testing.B) {
			b.SetBytes(benchedBytes)
			for i := 0; i < b.N; i++ {
				runGrep(b, append(c.gnu, c.pattern, path)...)
			}
		})
	}
}

func runGrep(b *testing.B, arguments ...string) {
	b.Helper()
	program, err := exec.LookPath("grep")
	if err != nil {
		b.Skip("there is no grep to compare with")
	}
	var out bytes.Buffer
	command := exec.Command(program, arguments...)
	command.Stdout = &out
	// Its status 1 is that nothing was found.
	if err := command.Run(); err != nil && command.ProcessState.ExitCode() != 1 {
		b.Fatal(err)
	}
}

// BenchmarkTree walks and searches 20,000 small files.
func BenchmarkTree(b *testing.B) {
	root, content := b.TempDir(), text(4000)
	for i := 0; i < 20_000; i++ {
		directory := filepath.Join(root, fmt.Sprint(i%100), fmt.Sprint(i%20))
		if err := os.MkdirAll(directory, 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, fmt.Sprint(i, ".txt")), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	pattern, err := compileGlob("**/*7.txt", false)
	if err != nil {
		b.Fatal(err)
	}
	all, err := compileGlob("**", false)
	if err != nil {
		b.Fatal(err)
	}
	matcher, err := compileMatcher("Haystack", true, false)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("glob", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			benchSearch(b, func(s *search) error { return s.glob(root, pattern) })
		}
	})
	b.Run("grep", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			benchSearch(b, func(s *search) error { return s.grep(root, all, matcher) })
		}
	})
	b.Run("grep by GNU grep", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			runGrep(b, "-rnF", "Needle", root)
		}
	})
}

// BenchmarkReadLines reads the first lines of 100 MB, which it counts and hashes.
func BenchmarkReadLines(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, text(benchedBytes), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchedBytes)
	for i := 0; i < b.N; i++ {
		file, err := files.OpenFile(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := readRange(file, newLineSplitter(io.Discard, 0, 2000), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
		file.Close()
	}
}
