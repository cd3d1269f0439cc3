package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

func unmarshal(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestTellsOutputAndExitCode(t *testing.T) {
	end := newAgent(t).run("echo out; echo err >&2; exit 7", nil)
	if end.Outcome != exited || *end.ExitCode != 7 || end.Signal != nil || end.Truncated {
		t.Fatalf("%+v", end.result)
	}
	if end.stdout != "out\n" || end.stderr != "err\n" {
		t.Fatalf("%q %q", end.stdout, end.stderr)
	}
}

func TestTellsASignal(t *testing.T) {
	for name := range map[string]bool{"KILL": true, "TERM": true, "HUP": true, "SEGV": true} {
		end := newAgent(t).run("kill -"+name+" $$", nil)
		if end.Outcome != signaled || end.ExitCode != nil || *end.Signal != "SIG"+name {
			t.Fatalf("%s: %+v", name, end.result)
		}
	}
}

func TestTakesACommandThatBeginsWithADashForACommand(t *testing.T) {
	for _, command := range []string{"-c 'echo injected'", "-x", "--version"} {
		if end := newAgent(t).run(command, nil); *end.ExitCode != 127 || end.stdout != "" {
			t.Fatalf("%s: %+v", command, end)
		}
	}
}

func TestGivesACommandItsEnvironmentDirectoryAndUmask(t *testing.T) {
	directory := t.TempDir()
	a := newAgent(t)
	r := a.spawn(`printf '%s|' "$ADDED" "$CARREL_PROCESS"; pwd; umask; cat`, agenttest.Params{
		"cwd": directory, "env": map[string]string{"ADDED": "a\nB=c", "CARREL_PROCESS": "forged"},
	})
	end := r.finish()
	if want := "a\nB=c|" + r.event.ID + "|" + directory + "\n0022\n"; end.stdout != want {
		t.Fatalf("%q and not %q", end.stdout, want)
	}
}

func TestLeavesACommandNoDescriptorButItsOwn(t *testing.T) {
	a := newAgent(t)
	other := a.spawn("cat", agenttest.Params{"open": true})
	if end := a.run("ls /proc/self/fd", nil); end.stdout != "0\n1\n2\n3\n" {
		t.Fatalf("%q", end.stdout)
	}
	other.Cancel()
	other.finish()
}

func TestRefusesWhatCannotBeRun(t *testing.T) {
	a := newAgent(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	big := map[string]string{}
	for index := 0; index < 40; index++ {
		big[fmt.Sprintf("V%d", index)] = strings.Repeat("x", 120_000)
	}
	cases := []struct {
		name  string
		value any
		code  wire.Code
	}{
		{"timeoutMs", 0, wire.InvalidArgument}, {"timeoutMs", 86_400_001, wire.InvalidArgument},
		{"timeoutMs", 1.5, wire.InvalidArgument}, {"maxOutputBytes", -1, wire.InvalidArgument},
		{"maxOutputBytes", 64<<20 + 1, wire.InvalidArgument}, {"command", "a\x00b", wire.InvalidArgument},
		{"command", strings.Repeat("x", 128*1024), wire.InvalidArgument}, {"cwd", "relative", wire.InvalidPath},
		{"cwd", file, wire.NotDirectory}, {"cwd", file + "-absent", wire.NotFound},
		{"env", map[string]string{"A=B": "x"}, wire.InvalidArgument},
		{"env", map[string]string{"": "x"}, wire.InvalidArgument},
		{"env", map[string]string{"A": "a\x00b"}, wire.InvalidArgument},
	}
	for _, example := range cases {
		params := agenttest.Params{"command": "true", "cwd": "/", "timeoutMs": 1000, "maxOutputBytes": 10}
		params[example.name] = example.value
		if code := a.refused("spawn", params); code != example.code {
			t.Errorf("%s %v: %q and not %q", example.name, example.value, code, example.code)
		}
	}
	for _, params := range []agenttest.Params{{"id": "x", "after": -1}, {"id": "x", "after": 0.5}} {
		if code := a.refused("attach", params); code != wire.InvalidArgument {
			t.Errorf("attach %v: %q", params, code)
		}
	}
	for _, method := range []string{"attach", "kill", "signal"} {
		if code := a.refused(method, agenttest.Params{"id": "none", "signal": "SIGINT"}); code != wire.NotFound {
			t.Errorf("%s: %q", method, code)
		}
	}
	if code := a.refused("signal", agenttest.Params{"id": "none", "signal": "SIGFUN"}); code != wire.InvalidArgument {
		t.Errorf("signal: %q", code)
	}
}

func TestRunsACommandAsLongAsTheBound(t *testing.T) {
	command := "echo done #"
	command += strings.Repeat("x", maxCommandBytes-len(command))
	if end := newAgent(t).run(command, nil); end.stdout != "done\n" {
		t.Fatalf("%+v", end)
	}
}

func TestStopsAtTheBoundOfOutput(t *testing.T) {
	a := newAgent(t)
	end := a.run("printf 1234567890", agenttest.Params{"maxOutputBytes": 10})
	if end.Outcome != exited || end.Truncated || end.stdout != "1234567890" {
		t.Fatalf("%+v", end)
	}
	for _, command := range []string{"printf 12345678901", "printf 12345678901; sleep 60", "yes 12345678901"} {
		end := a.run(command, agenttest.Params{"maxOutputBytes": 10})
		if end.Outcome != outputLimit || end.ExitCode != nil || !end.Truncated || end.stdout != "1234567890" {
			t.Fatalf("%s: %+v", command, end)
		}
	}
	end = a.run("yes | head -c 3000000", agenttest.Params{"maxOutputBytes": 1 << 20})
	if end.Outcome != outputLimit || len(end.stdout) != 1<<20 {
		t.Fatalf("%+v of %d bytes", end.result, len(end.stdout))
	}
}

func TestGivesLargeOutputWhole(t *testing.T) {
	end := newAgent(t).run("seq 1000000", agenttest.Params{"maxOutputBytes": 16 << 20})
	if len(end.stdout) != 6888896 || !strings.HasSuffix(end.stdout, "\n1000000\n") {
		t.Fatalf("%d bytes", len(end.stdout))
	}
	for index, chunk := range end.chunks {
		if chunk.number != uint32(index+1) || chunk.data == "" || len(chunk.data) > wire.MaxChunk {
			t.Fatalf("chunk %d has number %d and %d bytes", index, chunk.number, len(chunk.data))
		}
	}
}

func TestEveryReaderGetsTheSameChunks(t *testing.T) {
	a := newAgent(t)
	first := a.spawn("for n in 1 2 3 4 5; do echo $n; read line; echo e$n >&2; done", agenttest.Params{"open": true})
	readers := []*running{first, a.attach(first.event.ID, 0), a.attach(first.event.ID, 3)}
	for n := 1; n <= 5; n++ {
		first.until(fmt.Sprintf("%d\n", n))
		readers[1].Write("go\n")
	}
	whole := first.finish()
	if second := readers[1].finish(); !reflect.DeepEqual(second, whole) {
		t.Fatalf("%+v and not %+v", second, whole)
	}
	if third := readers[2].finish(); !reflect.DeepEqual(third.chunks, whole.chunks[3:]) {
		t.Fatalf("%+v and not the end of %+v", third.chunks, whole.chunks)
	}
	if late := a.attach(first.event.ID, 0).finish(); !reflect.DeepEqual(late, whole) {
		t.Fatalf("%+v and not %+v", late, whole)
	}
	if none := a.attach(first.event.ID, 1_000_000).finish(); len(none.chunks) != 0 {
		t.Fatalf("%+v", none.chunks)
	}
}

func TestASlowReaderDoesNotHoldTheProcessUp(t *testing.T) {
	a := newAgent(t)
	slow := a.spawn("head -c 3000000 /dev/zero; echo end >&2", agenttest.Params{"maxOutputBytes": 4 << 20})
	slow.Stingy = true
	end := a.attach(slow.event.ID, 0).finish()
	if end.Outcome != exited || end.stderr != "end\n" || len(end.stdout) != 3000000 {
		t.Fatalf("%+v", end.result)
	}
}

func TestStdin(t *testing.T) {
	a := newAgent(t)
	given := a.spawn("cat; echo end", agenttest.Params{"stdin": true})
	given.Write("one ")
	given.Write("two\n")
	given.End()
	if end := given.finish(); end.stdout != "one two\nend\n" {
		t.Fatalf("%q", end.stdout)
	}
	unread := a.spawn("exec <&-; echo closed; sleep 0.1; echo done", agenttest.Params{"stdin": true})
	unread.until("closed\n")
	for sent := 0; sent < 2; sent++ { // no more than the first window, and more than a pipe holds
		unread.Write(strings.Repeat("x", wire.MaxChunk))
	}
	unread.End()
	if end := unread.finish(); end.Outcome != exited || !strings.HasSuffix(end.stdout, "done\n") {
		t.Fatalf("%+v", end)
	}
}

func TestOpenStdinOutlivesTheConnection(t *testing.T) {
	first := newAgent(t)
	r := first.spawn("echo ready; read a; echo got $a; cat; echo end", agenttest.Params{"open": true})
	r.until("ready\n")
	first.Close()
	second := &agent{Client: agenttest.Connect(t, first.table.Methods()), t: t, table: first.table}
	again := second.attach(r.event.ID, 1)
	if !again.event.Open || again.event != r.event {
		t.Fatalf("%+v and not %+v", again.event, r.event)
	}
	again.Write("it\n")
	again.until("got it\n")
	again.End()
	if end := again.finish(); end.stdout != "got it\nend\n" {
		t.Fatalf("%+v", end)
	}
}

func TestDoesNotWaitForAChildThatHoldsTheOutput(t *testing.T) {
	a := newAgent(t)
	marker := filepath.Join(t.TempDir(), "marker")
	end := a.run("(sleep 0.5; seq 100000; echo end > "+marker+") & echo started", nil)
	if end.Outcome != exited || end.stdout != "started\n" || end.DurationMs > 30_000 {
		t.Fatalf("%+v", end)
	}
	// It does not die of its output, and runs on though its command has ended.
	awaitFile(t, marker)
}

func awaitFile(t testing.TB, path string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
			return string(content)
		}
	}
	t.Fatalf("%s was not written", path)
	return ""
}

func TestCancelOfASpawnKillsAndTellsTheRest(t *testing.T) {
	r := newAgent(t).spawn("echo before; sleep 60", nil)
	r.until("before\n")
	r.Cancel()
	if end := r.finish(); end.Outcome != cancelled || end.ExitCode != nil || end.failed != nil {
		t.Fatalf("%+v", end)
	}
}

func TestACancelledClientThatTakesNothingIsGivenUp(t *testing.T) {
	a := newAgent(t)
	r := a.spawn("head -c 3000000 /dev/zero; echo end >&2; sleep 60", agenttest.Params{"maxOutputBytes": 4 << 20})
	r.Stingy = true
	a.attach(r.event.ID, 0).until("end\n")
	r.Cancel()
	if end := r.finish(); end.failed == nil || end.failed.Code != wire.Aborted {
		t.Fatalf("%+v", end.result)
	}
}

func TestCancelOfAnAttachLeavesTheProcess(t *testing.T) {
	a := newAgent(t)
	r := a.spawn("read line; echo still here", agenttest.Params{"open": true})
	other := a.attach(r.event.ID, 0)
	other.Cancel()
	if end := other.finish(); end.failed == nil || end.failed.Code != wire.Aborted {
		t.Fatalf("%+v", end)
	}
	r.Write("go\n")
	if end := r.finish(); end.stdout != "still here\n" || end.Outcome != exited {
		t.Fatalf("%+v", end)
	}
}

func TestKillAndSignal(t *testing.T) {
	a := newAgent(t)
	r := a.spawn("trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.02; done", nil)
	r.until("ready\n")
	if code := a.refused("signal", agenttest.Params{"id": r.event.ID, "signal": "SIGINT"}); code != "" {
		t.Fatal(code)
	}
	if end := r.finish(); *end.ExitCode != 9 || end.stdout != "ready\ninterrupted\n" {
		t.Fatalf("%+v", end)
	}
	for round := 0; round < 2; round++ {
		if code := a.refused("kill", agenttest.Params{"id": r.event.ID}); code != "" {
			t.Fatal(code)
		}
	}
	if end := a.attach(r.event.ID, 0).finish(); end.Outcome != exited {
		t.Fatalf("killed after it ended: %+v", end)
	}
	r = a.spawn("sleep 60", nil)
	if code := a.refused("kill", agenttest.Params{"id": r.event.ID}); code != "" {
		t.Fatal(code)
	}
	if end := r.finish(); end.Outcome != cancelled {
		t.Fatalf("%+v", end)
	}
}

func (a *agent) list() []processInfo {
	a.t.Helper()
	body, failed := a.Open("processes", nil).Finish(&struct{}{})
	if failed != nil {
		a.t.Fatal(failed)
	}
	var infos []processInfo
	unmarshal(a.t, body, &infos)
	return infos
}

func TestListsWhatRunsAndTheLastHundredThatEnded(t *testing.T) {
	a := newAgent(t)
	r := a.spawn("sleep 60", nil)
	first := a.spawn("true", nil)
	first.finish()
	want := []string{r.event.ID}
	for count := 0; count < keptEnded; count++ {
		next := a.spawn("exit 3", nil)
		next.finish()
		want = append(want, next.event.ID)
	}
	infos := a.list()
	got := []string{}
	for _, info := range infos {
		got = append(got, info.ID)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%v and not %v", got, want)
	}
	if infos[0].Command != "sleep 60" || infos[0].Result != nil || infos[0].StartedAt != r.event.StartedAt {
		t.Fatalf("%+v", infos[0])
	}
	if *infos[1].Result.ExitCode != 3 {
		t.Fatalf("%+v", infos[1].Result)
	}
	if code := a.refused("attach", agenttest.Params{"id": first.event.ID}); code != wire.NotFound {
		t.Fatal(code)
	}
	r.Cancel()
	r.finish()
}

func TestATimeoutThatMeetsTheEndGivesOneOutcome(t *testing.T) {
	a := newAgent(t)
	outcomes := map[outcome]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			for round := 0; round < 100; round++ {
				end := a.run("exit 3", agenttest.Params{"timeoutMs": 1 + (worker*100+round)%5})
				if end.Outcome == exited && (end.ExitCode == nil || *end.ExitCode != 3) || end.Outcome == timedOut && end.ExitCode != nil {
					t.Errorf("%+v", end.result)
				}
				mu.Lock()
				outcomes[end.Outcome]++
				mu.Unlock()
			}
		}(worker)
	}
	all.Wait()
	if outcomes[exited]+outcomes[timedOut] != 400 {
		t.Fatalf("%v", outcomes)
	}
}

func TestDoesNotMixCommandsAtTheSameTime(t *testing.T) {
	a := newAgent(t)
	var all sync.WaitGroup
	for n := 0; n < 50; n++ {
		all.Add(1)
		go func(n int) {
			defer all.Done()
			end := a.run(fmt.Sprintf("for i in 1 2 3; do echo %d; echo e%d >&2; done", n, n), nil)
			if end.stdout != strings.Repeat(fmt.Sprintf("%d\n", n), 3) || end.stderr != strings.Repeat(fmt.Sprintf("e%d\n", n), 3) {
				t.Errorf("%d: %q %q", n, end.stdout, end.stderr)
			}
		}(n)
	}
	all.Wait()
}

func TestLeaksNothing(t *testing.T) {
	a := newAgent(t)
	a.run("true", nil)
	before := descriptors(t)
	for round := 0; round < 50; round++ {
		a.run("echo x", nil)
		a.run("cat", agenttest.Params{"open": true, "timeoutMs": 1})
		a.refused("spawn", agenttest.Params{"command": "true", "cwd": "/absent", "stdin": true, "timeoutMs": 1})
	}
	for deadline := time.Now().Add(30 * time.Second); descriptors(t) > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors and not %d", descriptors(t), before)
		}
	}
}

func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func BenchmarkSpawn(b *testing.B) {
	a := newAgent(b)
	for n := 0; n < b.N; n++ {
		if end := a.run("echo hi", nil); end.stdout != "hi\n" {
			b.Fatalf("%+v", end)
		}
	}
}

func BenchmarkSpawnInParallel(b *testing.B) {
	a := newAgent(b)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if end := a.run("echo hi", nil); end.stdout != "hi\n" {
				b.Errorf("%+v", end)
			}
		}
	})
}
