package process

import (
	"strconv"
	"testing"
)

// A hundred commands may end before the first of them has told what it wrote.
func TestOutputThatIsReadStaysThoughMoreProcessesEnd(t *testing.T) {
	table, err := NewTable(Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	end := func(name string, readers int) *process {
		p := &process{id: name, output: newRecording(table.budget, 100), readers: readers}
		p.output.add(stdout, []byte(name))
		p.output.end()
		table.add(p)
		table.retire(p)
		return p
	}
	read := end("read", 1)
	for count := 0; count < 2*keptEnded; count++ {
		end(strconv.Itoa(count), 0)
	}
	if next := read.output.after(0, false); string(next.data) != "read" || read.output.isTruncated() {
		t.Errorf("the output is %q", next.data)
	}
	if len(table.ended) != keptEnded {
		t.Errorf("%d are kept", len(table.ended))
	}
	table.leave(read)
	end("last", 0)
	if _, err := table.find("read"); err == nil {
		t.Error("it is kept though nobody reads it")
	}
}
