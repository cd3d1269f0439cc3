package process

import (
	"strings"
	"testing"
	"time"

	"carrel-agent/agenttest"
)

func TestJoinsWhatIsWrittenByteByByte(t *testing.T) {
	a := newAgent(t)
	const size = 100_000
	end := a.run("dd if=/dev/zero bs=1 count=100000 2>/dev/null | tr '\\0' x", nil)
	if end.stdout != strings.Repeat("x", size) {
		t.Fatalf("%d bytes", len(end.stdout))
	}
	end = a.run("dd if=/dev/zero bs=1 count=100000 2>/dev/null", nil)
	perMs := int(time.Millisecond / smallTime)
	most := smallBurst + perMs*(int(end.DurationMs)+100)
	if len(end.stdout) != size || len(end.chunks) > most || len(end.chunks) > size/4 {
		t.Fatalf("%d bytes in %d chunks within %d ms", len(end.stdout), len(end.chunks), end.DurationMs)
	}
}

func TestTellsAtOnceWhatIsWrittenAfterASilence(t *testing.T) {
	a := newAgent(t)
	process := a.spawn("while read line; do echo $line; done", agenttest.Params{"stdin": true})
	for _, line := range []string{"one", "two", "three"} {
		process.Write(line + "\n")
		process.until(line + "\n")
	}
	process.End()
	if end := process.finish(); len(end.chunks) != 3 || end.Outcome != exited {
		t.Fatalf("%+v", end)
	}
}

func TestTellsTheStreamsInTheirOrder(t *testing.T) {
	a := newAgent(t)
	end := a.run("for n in 1 2 3 4 5; do printf o; printf e >&2; done; sleep 0.01; printf last", nil)
	if end.stdout != "ooooolast" || end.stderr != "eeeee" {
		t.Fatalf("%+v", end)
	}
}

func BenchmarkEcho(b *testing.B) {
	a := newAgent(b)
	for n := 0; n < b.N; n++ {
		a.run("echo hi", nil)
	}
}

func BenchmarkEchoLines(b *testing.B) {
	a := newAgent(b)
	process := a.spawn("while read line; do echo $line; done", agenttest.Params{"stdin": true})
	b.ResetTimer()
	for n := 0; n < b.N; n++ {
		process.Write("line\n")
		process.ended.stdout = ""
		process.until("line\n")
	}
	b.StopTimer()
	process.End()
	process.finish()
}

func BenchmarkMegabytes(b *testing.B) {
	a := newAgent(b)
	b.SetBytes(16 << 20)
	for n := 0; n < b.N; n++ {
		if end := a.run("head -c 16777216 /dev/zero", agenttest.Params{"maxOutputBytes": 32 << 20}); len(end.stdout) != 16<<20 {
			b.Fatal(end.Outcome)
		}
	}
}
