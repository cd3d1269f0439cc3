package process

import (
	"strings"
	"testing"
)

func content(r *recording) (text string, first, count uint32) {
	for number := uint32(0); ; {
		next := r.after(number, false)
		if next.data == nil {
			return text, first, count
		}
		if first == 0 {
			first = next.number
		}
		text += string(next.data)
		number = next.number
		count++
	}
}

func TestJoinsSmallWritesThatNobodyHasRead(t *testing.T) {
	r := newRecording(newBudget(), 1<<20)
	for n := 0; n < 100_000; n++ {
		r.add(stdout, []byte("x\n"))
	}
	text, _, count := content(r)
	if text != strings.Repeat("x\n", 100_000) || count > 30 {
		t.Fatalf("%d bytes in %d chunks", len(text), count)
	}
}

func TestNeverChangesAChunkThatAReaderHas(t *testing.T) {
	r := newRecording(newBudget(), 1<<20)
	r.add(stdout, []byte("a long beginning"))
	r.add(stdout, []byte("1"))
	had := r.after(0, false)
	before := string(had.data)
	r.add(stdout, []byte("2"))
	r.add(stderr, []byte("3"))
	r.add(stderr, []byte("4"))
	if again := r.after(0, false); string(again.data) != before || string(had.data) != before {
		t.Fatalf("%q and not %q", again.data, before)
	}
	if text, _, count := content(r); text != "a long beginning1234" || count != 3 {
		t.Fatalf("%q in %d chunks", text, count)
	}
}

func TestDropsTheOutputOfTheLongestEndedFirst(t *testing.T) {
	b := &budget{limit: 1000}
	block := []byte(strings.Repeat("x", 300))
	recordings := make([]*recording, 3)
	for index := range recordings {
		recordings[index] = newRecording(b, 1<<20)
		recordings[index].add(stdout, block)
		recordings[index].end()
		b.retire(recordings[index])
	}
	for index, dropped := range []bool{true, false, false} {
		if r := recordings[index]; r.isTruncated() != dropped || (r.after(0, false).data == nil) != dropped {
			t.Fatalf("%d: truncated %v", index, r.isTruncated())
		}
	}
	running := newRecording(b, 1<<20)
	for n := 0; n < 10; n++ {
		running.add(stdout, block)
		running.after(uint32(n), false)
	}
	if text, first, _ := content(running); len(text) != 600 || first != 9 || !running.isTruncated() {
		t.Fatalf("%d bytes from chunk %d", len(text), first)
	}
	for _, r := range recordings {
		b.forget(r)
	}
	if b.used != running.cost || b.used > b.limit || len(b.ended) != 0 {
		t.Fatalf("%d bytes are counted, %d are there", b.used, running.cost)
	}
}
