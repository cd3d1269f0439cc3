package terminal

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/children"
	"carrel-agent/wire"
)

const instance = "7e57"

var reaper *children.Reaper

func TestMain(m *testing.M) {
	var err error
	if reaper, err = children.NewReaper(children.Options{Instance: instance}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func connect(t *testing.T) *agenttest.Client {
	t.Helper()
	return agenttest.Connect(t, NewTable(Options{Instance: instance, Reaper: reaper}).Methods())
}

type session struct {
	*agenttest.Call
	t    *testing.T
	id   string
	text string
}

func open(t *testing.T, client *agenttest.Client, given agenttest.Params) *session {
	t.Helper()
	params := agenttest.Params{"columns": 91, "rows": 37, "cwd": "/", "env": map[string]string{"HOME": t.TempDir()}}
	for name, value := range given {
		params[name] = value
	}
	s := &session{Call: client.Open("openTerminal", params), t: t}
	var event struct{ ID string }
	s.Event(&event)
	s.id = event.ID
	return s
}

// ask types a line, and gives what is shown from then on once that contains a text.
func (s *session) ask(line, awaited string) string {
	s.t.Helper()
	s.Write(line + "\n")
	return s.await(awaited)
}

// await gives what is shown from now on once that contains a text.
func (s *session) await(awaited string) string {
	s.t.Helper()
	s.text = ""
	for !strings.Contains(s.text, awaited) {
		frame := s.Next()
		if frame.Type != wire.Data {
			s.t.Fatalf("a frame of type %d and not %q after %q: %s", frame.Type, awaited, s.text, frame.Payload)
		}
		s.text += string(frame.Payload)
	}
	return s.text
}

func TestIsALoginShellOnATerminalOfItsOwn(t *testing.T) {
	directory := t.TempDir()
	s := open(t, connect(t), agenttest.Params{"cwd": directory})
	s.ask("tty; echo $((6 * 7))-answer", "42-answer")
	if !strings.Contains(s.text, "/dev/pts/") {
		t.Errorf("no terminal: %q", s.text)
	}
	s.ask("echo $TERM-$CARREL_PROCESS-$((1 + 1))", "xterm-256color-"+s.id+"-2")
	s.ask("echo [$PWD]$((1 + 1))", "["+directory+"]2")
	s.ask("case $- in *i*) echo inter$((1))active;; esac", "inter1active")
}

func TestHasTheGivenSizeAndTakesAnother(t *testing.T) {
	client := connect(t)
	s := open(t, client, nil)
	s.ask("stty size", "37 91")
	if _, failed := client.Open("resizeTerminal", agenttest.Params{"id": s.id, "columns": 123, "rows": 45}).Finish(&struct{}{}); failed != nil {
		t.Fatal(failed)
	}
	s.ask("stty size", "45 123")
}

// What is typed while a shell changes the terminal's mode may reach it as the end of its input: so
// each step here waits for the one before.
func TestPassesAnInterruptOn(t *testing.T) {
	s := open(t, connect(t), nil)
	s.ask("PS1='<$((6 * 7))>'", "<42>")
	s.ask("sh -c 'echo $((6 * 8))-ready; exec sleep 600'", "48-ready")
	s.Write("\x03")
	s.await("<42>")
	s.ask("echo $((6 * 9))-again", "54-again")
}

func TestEndsWithItsShell(t *testing.T) {
	s := open(t, connect(t), nil)
	s.Write("echo last-$((1 + 1)); exit\n")
	body, failed := s.Finish(&struct{}{})
	if failed != nil || !strings.Contains(string(body), "last-2") {
		t.Fatalf("%v after %q", failed, body)
	}
}

// alive tells whether a process runs: one that has ended and was not waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestTakesEverythingWithIt(t *testing.T) {
	for name, end := range map[string]func(*agenttest.Client, *session){
		"cancelled": func(_ *agenttest.Client, s *session) {
			s.Cancel()
			if _, failed := s.Finish(&struct{}{}); failed == nil || failed.Code != wire.Aborted {
				t.Errorf("%v", failed)
			}
		},
		"disconnected": func(client *agenttest.Client, _ *session) { client.Close() },
	} {
		end := end
		t.Run(name, func(t *testing.T) {
			client := connect(t)
			s := open(t, client, nil)
			text := s.ask("cd; setsid nohup sh -c 'trap \"\" HUP TERM; echo pid=$$=; sleep 600; true' & until grep = nohup.out 2>/dev/null; do sleep 0.01; done", "=\r\n")
			pid := 0
			for _, part := range strings.Split(text, "=") {
				if number, err := strconv.Atoi(part); err == nil {
					pid = number
				}
			}
			if !alive(pid) {
				t.Fatalf("%d of %q is not alive", pid, text)
			}
			end(client, s)
			for deadline := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					_ = syscall.Kill(pid, syscall.SIGKILL)
					t.Fatal("it is alive")
				}
			}
		})
	}
}

func TestRefusesWhatCannotBeOpened(t *testing.T) {
	client := connect(t)
	cases := []struct {
		name  string
		value any
		code  wire.Code
	}{
		{"columns", 0, wire.InvalidArgument}, {"rows", -1, wire.InvalidArgument}, {"rows", 65536, wire.InvalidArgument},
		{"columns", 1.5, wire.InvalidArgument}, {"cwd", "/absent/directory", wire.NotFound}, {"cwd", "/dev/null", wire.NotDirectory},
		{"env", map[string]string{"A-B": ""}, wire.InvalidArgument},
	}
	for _, example := range cases {
		params := agenttest.Params{"columns": 80, "rows": 24, "cwd": "/"}
		params[example.name] = example.value
		if _, failed := client.Open("openTerminal", params).Finish(&struct{}{}); failed == nil || failed.Code != example.code {
			t.Errorf("%s %v: %v and not %s", example.name, example.value, failed, example.code)
		}
	}
	params := agenttest.Params{"id": "none", "columns": 80, "rows": 24}
	if _, failed := client.Open("resizeTerminal", params).Finish(&struct{}{}); failed == nil || failed.Code != wire.NotFound {
		t.Errorf("%v", failed)
	}
}
