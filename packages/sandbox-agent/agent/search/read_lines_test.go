package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"carrel-agent/wire"
)

// read gives the body and the result of readLines, as JSON.
func (b bench) read(name string, offset, limit int64) (string, string) {
	b.Helper()
	var result json.RawMessage
	body, failed := b.client.Open("readLines", params{"path": b.path(name), "offset": offset, "limit": limit}).Finish(&result)
	if failed != nil {
		b.Fatalf("%s: %v", name, failed)
	}
	return string(body), string(result)
}

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestReadLinesTellsAllOfAShortFile(t *testing.T) {
	b := newBench(t)
	content := "one\n\ntwo\xff\r\n\ufeffthree"
	b.write(content, "file")
	body, result := b.read("file", 0, 2000)
	want := fmt.Sprintf(`{"found":true,"lines":4,"offset":0,"nextOffset":null,"totalLines":4,"hash":"%s","cutLines":[],"binary":false}`, hashOf(content))
	if body != content || result != want {
		t.Errorf("%q %s", body, result)
	}
	body, result = b.read("file", 1, 2)
	want = fmt.Sprintf(`{"found":true,"lines":2,"offset":1,"nextOffset":3,"totalLines":4,"hash":"%s","cutLines":[],"binary":false}`, hashOf(content))
	if body != "\ntwo\xff\r" || result != want {
		t.Errorf("%q %s", body, result)
	}
	body, result = b.read("file", 1<<53, 1)
	if body != "" || !strings.Contains(result, `"lines":0,"offset":9007199254740992,"nextOffset":null,"totalLines":4`) {
		t.Errorf("%q %s", body, result)
	}
}

func TestReadLinesTellsWhatHasNoLines(t *testing.T) {
	b := newBench(t)
	b.write("", "empty")
	b.write("text\n\x00", "binary")
	for name, want := range map[string]string{
		"absent": `{"found":false,"lines":0,"offset":3,"nextOffset":null,"totalLines":null,"hash":null,"cutLines":[],"binary":false}`,
		"binary": `{"found":true,"lines":0,"offset":3,"nextOffset":null,"totalLines":null,"hash":null,"cutLines":[],"binary":true}`,
		"empty":  `{"found":true,"lines":0,"offset":3,"nextOffset":null,"totalLines":0,"hash":"` + hashOf("") + `","cutLines":[],"binary":false}`,
	} {
		if body, result := b.read(name, 3, 1); body != "" || result != want {
			t.Errorf("%s: %q %s", name, body, result)
		}
	}
}

func TestReadLinesRefusesWhatItCannotRead(t *testing.T) {
	b := newBench(t)
	b.must(syscall.Mkfifo(b.path("pipe"), 0o600))
	b.write("x", "file")
	all := params{"offset": 0, "limit": 1}
	for path, code := range map[string]wire.Code{
		b.directory: wire.IsDirectory, b.path("pipe"): wire.NotRegular, "/dev/zero": wire.NotRegular, "file": wire.InvalidPath,
	} {
		all["path"] = path
		b.fails(code, "readLines", all)
	}
	for _, value := range []any{-1, 0.5, nil, "1"} {
		if value != nil {
			b.fails(wire.InvalidArgument, "readLines", params{"path": b.path("file"), "offset": value, "limit": 1})
		}
		b.fails(wire.InvalidArgument, "readLines", params{"path": b.path("file"), "offset": 0, "limit": value})
	}
}

func TestReadLinesCutsLongLinesAndWholeCharacters(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("x", maxLineBytes+1)
	wide := "x" + strings.Repeat("é", maxLineBytes/2)
	b.write("short\n"+long+"\n"+long[1:]+"\n"+wide, "file")
	body, result := b.read("file", 0, 2000)
	want := "short\n" + long[1:] + "\n" + long[1:] + "\n" + wide[:maxLineBytes-1]
	if body != want || !strings.Contains(result, `"cutLines":[1,3]`) {
		t.Errorf("%d bytes, %s", len(body), result)
	}
}

func TestReadLinesBoundsARangeAndGoesOnBehindIt(t *testing.T) {
	b := newBench(t)
	var content strings.Builder
	for i := 0; i < 3000; i++ {
		fmt.Fprintf(&content, "%d%s\n", i, strings.Repeat("y", 990))
	}
	b.write(content.String(), "file")
	var parts []string
	for offset := int64(0); ; {
		body, result := b.read("file", offset, 3000)
		var told lineRange
		b.must(json.Unmarshal([]byte(result), &told))
		if len(body) > maxRangeBytes || int64(strings.Count(body, "\n")) != told.Lines-1 || told.Offset != offset {
			t.Fatalf("%d bytes at %d: %s", len(body), offset, result)
		}
		parts = append(parts, body)
		if told.NextOffset == nil {
			break
		}
		offset = *told.NextOffset
	}
	if strings.Join(parts, "\n")+"\n" != content.String() || len(parts) != 3 {
		t.Errorf("%d parts are not the file", len(parts))
	}
}

func TestReadLinesCountsAHugeFileOnlyInItsTime(t *testing.T) {
	content := "a\nb\n" + strings.Repeat("c\n", 200_000)
	for until, known := range map[time.Time]bool{time.Now().Add(-time.Second): false, time.Now().Add(time.Hour): true} {
		var out strings.Builder
		result, err := readRange(strings.NewReader(content), newLineSplitter(&out, 0, 2), until)
		if err != nil || out.String() != "a\nb" || (result.TotalLines != nil) != known || (result.Hash != nil) != known || *result.NextOffset != 2 {
			t.Errorf("%q %+v %v", out.String(), result, err)
		}
	}
	// A range that is not full is looked for however long it takes.
	result, err := readRange(strings.NewReader(content), newLineSplitter(io.Discard, 200_001, 2), time.Now().Add(-time.Second))
	if err != nil || result.Lines != 1 || *result.TotalLines != 200_002 || result.NextOffset != nil {
		t.Errorf("%+v %v", result, err)
	}
}

func TestReadLinesReadsTheEndOfAFileOfOneLine(t *testing.T) {
	b := newBench(t)
	b.write(strings.Repeat("z", maxLineBytes*2), "file")
	b.must(os.Truncate(b.path("file"), 400*mebibyte))
	body, result := b.read("file", 0, 1)
	// Only a range that is full ends early, and this line has no end.
	if len(body) != maxLineBytes || !strings.Contains(result, `"totalLines":1,`) || !strings.Contains(result, `"cutLines":[0]`) {
		t.Errorf("%d bytes, %s", len(body), result)
	}
}

func TestReadLinesFailsWhereTheFileDoes(t *testing.T) {
	broken := errors.New("broken")
	source := io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(broken))
	if _, err := readRange(source, newLineSplitter(io.Discard, 0, 10), time.Now()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// FuzzLineSplitter compares the splitting of chunks with that of a whole text.
func FuzzLineSplitter(f *testing.F) {
	for _, seed := range []string{"", "\n", "a", "a\nb", "a\nb\n", "\n\na\n\n", "L\nLL\nb", "é\xff\r\n", "LLLLLLLLL\n"} {
		f.Add(seed, uint8(0), uint8(3), uint8(1))
		f.Add(seed, uint8(1), uint8(1), uint8(200))
	}
	f.Fuzz(func(t *testing.T, content string, offset, limit, piece uint8) {
		if limit == 0 || len(content) > 200 {
			return
		}
		content = strings.ReplaceAll(content, "L", strings.Repeat("l", maxLineBytes/2+1))
		var out bytes.Buffer
		splitter := newLineSplitter(&out, int64(offset), int64(limit))
		size := (int(piece) + 1) * 37
		for rest := content; rest != ""; {
			chunk := rest[:min(size, len(rest))]
			rest = rest[len(chunk):]
			if err := splitter.add([]byte(chunk)); err != nil {
				t.Fatal(err)
			}
		}
		if err := splitter.end(); err != nil {
			t.Fatal(err)
		}
		got := splitter.whole()
		want, body := referenceSplit(content, int(offset), int(limit))
		if !reflect.DeepEqual(got, want) || out.String() != body {
			t.Fatalf("%.100q from %d, %d: %+v and not %+v; %d bytes and not %d", content, offset, limit, got, want, out.Len(), len(body))
		}
	})
}

func referenceSplit(content string, offset, limit int) (lineRange, string) {
	lines := strings.Split(content, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	total, hash := int64(len(lines)), hashOf(content)
	result := lineRange{Found: true, Offset: int64(offset), TotalLines: &total, Hash: &hash, CutLines: []int64{}}
	body, given := "", 0
	for ; given < limit && offset+given < len(lines); given++ {
		line := lines[offset+given]
		if len(line) > maxLineBytes {
			line = string(wholeCharacters([]byte(line[:maxLineBytes]), false, true))
			result.CutLines = append(result.CutLines, int64(given))
		}
		if given > 0 {
			line = "\n" + line
		}
		if len(body)+len(line) > maxRangeBytes {
			result.CutLines = result.CutLines[:min(len(result.CutLines), given)]
			break
		}
		body += line
	}
	result.Lines = int64(given)
	if next := int64(offset + given); next < total {
		result.NextOffset = &next
	}
	return result, body
}
