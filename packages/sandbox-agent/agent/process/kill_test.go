package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"carrel-agent/agenttest"
)

// alive tells whether a process runs: one that has ended and was not waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, fields, ok := strings.Cut(string(stat), ") ")
	return ok && fields[0] != 'Z' && fields[0] != 'X'
}

// escapes are scripts that start `sleep 600` in a way of its own, and write its number to $PIDS. $0 is
// such a script.
var escapes = map[string]string{
	"in the foreground":               `sh -c 'echo $$ >> $PIDS; exec sleep 600'`,
	"in the background":               `sh -c 'echo $$ >> $PIDS; exec sleep 600' & sleep 600`,
	"deaf to signals":                 `trap '' TERM INT HUP; sh -c 'echo $$ >> $PIDS; sleep 600; sleep 600'; sleep 600`,
	"in another session":              `setsid sh -c 'echo $$ >> $PIDS; exec sleep 600' & sleep 600`,
	"with nohup":                      `nohup sh -c 'echo $$ >> $PIDS; exec sleep 600' & sleep 600`,
	"as an orphan":                    `(setsid sh -c 'echo $$ >> $PIDS; exec sleep 600' &) ; sleep 600`,
	"as an orphan without mark":       `(env -i PIDS=$PIDS PATH=$PATH setsid sh -c 'echo $$ >> $PIDS; exec sleep 600' &) ; sleep 600`,
	"with nothing in its environment": `(setsid env -i sh -c 'echo $$ >> '$PIDS'; exec env -i sleep 600' &) ; sleep 600`,
	"stopped":                         `sh -c 'echo $$ >> $PIDS; kill -STOP $$; sleep 600' & sleep 600`,
	"with a mark behind much else":    `(BIG=$(head -c 100000 /dev/zero | tr '\0' x) setsid sh -c 'echo $$ >> $PIDS; exec sleep 600' &) ; sleep 600`,
}

func TestKillsWhatTheCommandStartedHoweverItWasStarted(t *testing.T) {
	for name, script := range escapes {
		script := script
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			bystander := a.spawn("sleep 0.2; read line; echo alive", agenttest.Params{"open": true})
			list := filepath.Join(t.TempDir(), "pids")
			r := a.spawn(script, agenttest.Params{"env": map[string]string{"PIDS": list}})
			pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, list)))
			if err != nil || !alive(pid) {
				t.Fatalf("%v: %d is not alive", err, pid)
			}
			r.Cancel()
			if end := r.finish(); end.Outcome != cancelled {
				t.Fatalf("%+v", end)
			}
			if alive(pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				t.Fatal("it is alive")
			}
			bystander.Write("go\n")
			if end := bystander.finish(); end.Outcome != exited || end.stdout != "alive\n" {
				t.Fatalf("another command: %+v", end)
			}
		})
	}
}

func TestLeavesWhatAnotherCommandLeftRunning(t *testing.T) {
	a := newAgent(t)
	list := filepath.Join(t.TempDir(), "pids")
	a.run("setsid sh -c 'echo $$ > "+list+"; exec sleep 600' > /dev/null 2>&1 &", nil)
	pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, list)))
	if err != nil {
		t.Fatal(err)
	}
	for round := 0; round < 20; round++ {
		a.run("sleep 600", agenttest.Params{"timeoutMs": 5})
	}
	if !alive(pid) {
		t.Fatal("it was killed with another command")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestKillsOneOfManyWhileOthersStart(t *testing.T) {
	a := newAgent(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for round := 0; round < 60; round++ {
			if end := a.run("(setsid sh -c 'env true; exit 0' &); env echo fine", nil); end.Outcome != exited || *end.ExitCode != 0 {
				t.Errorf("%+v", end)
			}
		}
	}()
	for round := 0; round < 30; round++ {
		if end := a.run("setsid sleep 600 & sleep 600", agenttest.Params{"timeoutMs": 3}); end.Outcome != timedOut {
			t.Errorf("%+v", end)
		}
	}
	<-done
}

func TestGivesACommandTheTimeToTidyUp(t *testing.T) {
	a := newAgent(t)
	r := a.spawn("trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.01; done", nil)
	r.until("ready\n")
	r.Cancel()
	if end := r.finish(); end.Outcome != cancelled || end.stdout != "ready\ntidied\n" {
		t.Fatalf("%+v", end)
	}
}

const deaf = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

// bombs make processes faster than they can be killed one after the other.
var bombs = map[string]string{
	"of a shell":           `sleep 600 & bash -c ':(){ :|:& };:'; wait`,
	"deaf to signals":      `sleep 600 & bash -c "trap '' TERM INT HUP; :(){ :|:& };:"; trap '' TERM; wait`,
	"in new sessions":      python(deaf + "while True:\n try:\n  if os.fork() == 0: os.setsid()\n except OSError: pass"),
	"of orphans":           python(deaf + "while True:\n try:\n  if os.fork() == 0 and os.fork(): os._exit(0)\n except OSError: pass"),
	"that hops":            python(deaf+"while True:\n try:\n  if os.fork(): os._exit(0)\n except OSError: pass") + " & sleep 600",
	"that hops unmarked":   "env -i " + python(deaf+"while True:\n try:\n  if os.fork(): os._exit(0)\n  os.setsid()\n except OSError: pass") + " & sleep 600",
	"that hops to a tempo": "env -i " + python(deaf+"while True:\n try:\n  if os.fork(): os._exit(0)\n  os.setsid()\n  time.sleep(0.001)\n except OSError: pass") + " & sleep 600",
}

func python(script string) string { return `/usr/bin/python3 -c "` + script + `"` }

func TestWinsAgainstForkBombs(t *testing.T) {
	if !sandboxed {
		t.Skip("only where a container bounds it: CARREL_TEST_SANDBOXED")
	}
	for name, bomb := range bombs {
		bomb := bomb
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			bystander := a.spawn("read line; echo alive", agenttest.Params{"open": true})
			began := time.Now()
			end := a.run(bomb, agenttest.Params{"timeoutMs": 1000})
			t.Logf("%v after %v", end.Outcome, time.Since(began))
			if end.Outcome != timedOut {
				t.Errorf("%+v", end.result)
			}
			bystander.Write("go\n")
			if end := bystander.finish(); end.stdout != "alive\n" {
				t.Errorf("another command: %+v", end)
			}
			a.expectRuns()
			if left := a.run("grep -l -e sleep -e bash -e python /proc/[0-9]*/cmdline", nil); strings.Count(left.stdout, "\n") > 2 {
				t.Errorf("some is left: %s", left.stdout)
			}
		})
	}
}

func TestKillEndsWhatACommandLeftBehind(t *testing.T) {
	a := newAgent(t)
	list := filepath.Join(t.TempDir(), "pids")
	r := a.spawn("(trap '' TERM; echo x > "+list+"; exec sleep 600) > /dev/null 2>&1 & echo $!; exit 3", nil)
	end := r.finish()
	awaitFile(t, list)
	pid, err := strconv.Atoi(strings.TrimSpace(end.stdout))
	if err != nil || !alive(pid) {
		t.Fatalf("%v: %d is not alive", err, pid)
	}
	if code := a.refused("kill", agenttest.Params{"id": r.event.ID}); code != "" || alive(pid) {
		t.Fatalf("%q, alive %v", code, alive(pid))
	}
	if again := a.attach(r.event.ID, 0).finish(); *again.ExitCode != 3 {
		t.Fatalf("%+v", again.result)
	}
}

func TestRecoversFromAForkBombThatACommandLeft(t *testing.T) {
	if !sandboxed {
		t.Skip("only where a container bounds it: CARREL_TEST_SANDBOXED")
	}
	a := newAgent(t)
	r := a.spawn("bash -c ':(){ :|:& };:'", nil)
	if end := r.finish(); end.Outcome != exited {
		t.Fatalf("%+v", end.result)
	}
	if code := a.refused("kill", agenttest.Params{"id": r.event.ID}); code != "" {
		t.Fatal(code)
	}
	a.expectRuns()
}

func TestSaysThatNoMoreProcessesCanBeStarted(t *testing.T) {
	if !sandboxed {
		t.Skip("only where a container bounds it: CARREL_TEST_SANDBOXED")
	}
	a := newAgent(t)
	full := a.spawn(python("import os, time\nwhile True:\n try:\n  if os.fork() == 0: time.sleep(600)\n except OSError: time.sleep(0.001)"), nil)
	for deadline := time.Now().Add(30 * time.Second); ; {
		code := a.refused("spawn", agenttest.Params{"command": "true", "cwd": "/", "timeoutMs": 10_000})
		if code == "process-limit" {
			break
		}
		if code != "" || time.Now().After(deadline) {
			t.Fatalf("%q", code)
		}
	}
	full.Cancel()
	full.finish()
	a.expectRuns()
}

func TestTellsThatMemoryWasUsedUp(t *testing.T) {
	if !sandboxed {
		t.Skip("only where a container bounds it: CARREL_TEST_SANDBOXED")
	}
	a := newAgent(t)
	for _, command := range []string{"exec python3 -c 'x = bytearray(1 << 31)'", "python3 -c 'x = bytearray(1 << 31)'; exit $?"} {
		if end := a.run(command, nil); end.Outcome != outOfMemory || end.ExitCode != nil {
			t.Errorf("%s: %+v %s", command, end.result, end.stderr)
		}
	}
	if end := a.run("kill -KILL $$", nil); end.Outcome != signaled {
		t.Errorf("%+v", end.result)
	}
}
