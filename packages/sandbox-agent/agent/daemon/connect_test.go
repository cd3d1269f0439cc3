package daemon

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

func decode(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestTheFirstConnectionIsTheDaemonAndOutlivesItsStream(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	first, daemon := connect(t, socket)
	second, _ := connect(t, socket)
	if first.Agent.Instance != second.Agent.Instance || len(first.Agent.Instance) != 16 {
		t.Fatalf("%+v and %+v", first.Agent, second.Agent)
	}
	work := spawn(t, second, "echo kept; sleep 1000")
	if frame := work.Next(); !strings.HasSuffix(string(frame.Payload), "kept\n") {
		t.Fatalf("%q", frame.Payload)
	}
	_ = daemon.in.Close()
	if rest, err := io.ReadAll(daemon.out); err != nil || len(rest) > 0 {
		t.Fatalf("the output of the first stream ended with %q, %v", rest, err)
	}
	second.Ping()
	third, _ := connect(t, socket)
	if third.Agent.Instance != first.Agent.Instance {
		t.Fatal("another daemon has come")
	}
	var processes []struct{ Command string }
	body, failed := third.Open("processes", nil).Finish(&struct{}{})
	if failed != nil {
		t.Fatal(failed)
	}
	decode(t, body, &processes)
	if len(processes) != 1 || processes[0].Command != "echo kept; sleep 1000" {
		t.Fatalf("%+v", processes)
	}
}

func TestADaemonStartsWhereItsClientSays(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	command := exec.Command(agentPath, "connect", "--socket", newSocketName(), directory)
	client, _ := speak(t, command)
	if client.Agent.WorkDir != directory || client.Agent.Protocol != wire.Version || client.Agent.Version != "development" {
		t.Errorf("%+v", client.Agent)
	}
}

func TestADaemonStartsWhereItsDirectoryIsClosedAndOpensItToItsOwner(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	for closed, opened := range map[os.FileMode]os.FileMode{0: 0o700, 0o055: 0o755, os.ModeSticky | 0o077: os.ModeSticky | 0o777} {
		if err := os.Chmod(directory, closed); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(agentPath, "connect", "--socket", newSocketName(), directory)
		client, _ := speak(t, command)
		client.Ping()
		if info, err := os.Stat(directory); err != nil || info.Mode() != os.ModeDir|opened {
			t.Errorf("%v is %v: %v", closed, info.Mode(), err)
		}
	}
}

func TestADaemonStartsWhereItsDirectoriesAreGone(t *testing.T) {
	t.Parallel()
	gone := t.TempDir() + "/gone"
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	// It starts in what is removed under it, as well.
	script := `cd "$0" && rmdir "$0" && exec "$1" connect --socket "$2" "$0"`
	client, _ := speak(t, exec.Command("/bin/sh", "-c", script, gone, agentPath, newSocketName()))
	if client.Agent.WorkDir != gone {
		t.Errorf("%+v", client.Agent)
	}
	if said := run(t, client, "echo served"); said != "served\n" {
		t.Error(said)
	}
}

func TestOnlyADirectoryOfTheUsersOwnIsOpened(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	file, closed, link := directory+"/file", directory+"/closed", directory+"/link"
	for _, err := range []error{os.WriteFile(file, nil, 0), os.Mkdir(closed, 0), os.Symlink(closed, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	untouched := []string{file, link, "", directory + "/none"}
	if os.Chown(closed, 1000, 1000) == nil {
		// It is another's now.
		untouched = append(untouched, closed)
	}
	for _, path := range untouched {
		openToOwner(path)
	}
	for _, path := range []string{file, closed} {
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0 {
			t.Errorf("%s is %v: %v", path, info, err)
		}
	}
}

func TestADaemonThatWasStoppedGoesOnWithTheNextConnection(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	first, daemon := connect(t, socket)
	work := spawn(t, first, "read line; echo kept")
	if err := daemon.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second, _ := connect(t, socket)
	if second.Agent.Instance != first.Agent.Instance {
		t.Error("another daemon has come")
	}
	if frame := work.Next(); !strings.HasSuffix(string(frame.Payload), "kept\n") {
		t.Errorf("%q", frame.Payload)
	}
	first.Ping()
}

func TestOneOfManyThatComeAtOnceIsTheDaemon(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	instances := connectAtOnce(t, socket, 8)
	if len(instances) != 1 {
		t.Fatalf("%d daemons: %v", len(instances), instances)
	}
}

// connectAtOnce gives how many clients met each instance.
func connectAtOnce(t *testing.T, socket string, count int) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var clients sync.WaitGroup
	instances := map[string]int{}
	programs := make([]*program, count)
	for index := range programs {
		programs[index] = start(t, exec.Command(agentPath, "connect", "--socket", socket, "/"))
	}
	for _, p := range programs {
		p := p
		clients.Add(1)
		go func() {
			defer clients.Done()
			client, err := agenttest.Speak(t, p)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			instances[client.Agent.Instance]++
		}()
	}
	clients.Wait()
	return instances
}

func TestADaemonThatWasKilledIsReplaced(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	first, daemon := connect(t, socket)
	second, relay := connect(t, socket)
	_ = daemon.Process.Kill()
	for _, client := range []*agenttest.Client{first, second} {
		if frame := client.Control().Next(); frame.Type != wire.Failure {
			t.Errorf("a frame of type %d", frame.Type)
		}
	}
	relay.expectExit(t, 0)
	instances := connectAtOnce(t, socket, 6)
	if len(instances) != 1 || instances[first.Agent.Instance] > 0 {
		t.Errorf("%v after %s", instances, first.Agent.Instance)
	}
}

func TestARelayEndsWithItsClient(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	connect(t, socket)
	_, relay := connect(t, socket)
	_ = relay.in.Close()
	relay.expectExit(t, 0)
}

func TestARelayEndsWithItsClientAlsoWhereTheDaemonHangs(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	_, daemon := connect(t, socket)
	_, relay := connect(t, socket)
	if err := daemon.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_ = relay.in.Close()
	relay.expectExit(t, 0)
}

func TestARelayPassesMuchBothWays(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	connect(t, socket)
	client, _ := connect(t, socket)
	path := t.TempDir() + "/large"
	content := strings.Repeat("carrel", 500_000)
	write := client.Open("write", agenttest.Params{"path": path})
	go func() {
		// A client keeps to the window of the stream: 1 MiB, and what is given back.
		left := content
		for budget := agenttest.Window; len(left) > 0; {
			size := 1 << 15
			if size > len(left) {
				size = len(left)
			}
			for budget < size {
				frame := write.Next()
				if frame.Type != wire.Window {
					t.Errorf("a frame of type %d: %s", frame.Type, frame.Payload)
					return
				}
				budget += int(frame.Payload[0])<<24 | int(frame.Payload[1])<<16 | int(frame.Payload[2])<<8 | int(frame.Payload[3])
			}
			write.Write(left[:size])
			left, budget = left[size:], budget-size
		}
		write.End()
	}()
	eventually(t, "the file is written", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == int64(len(content))
	})
	body, failed := client.Open("readStream", agenttest.Params{"path": path}).Finish(&struct{}{})
	if failed != nil || string(body) != content {
		t.Errorf("%d bytes came back: %v", len(body), failed)
	}
}

func TestSignalsDoNotEndTheDaemonAndReachWhatItStarts(t *testing.T) {
	t.Parallel()
	client, daemon := connect(t, newSocketName())
	for _, signal := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1,
		syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
	} {
		if err := daemon.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		client.Ping()
	}
	ignored := run(t, client, "grep SigIgn /proc/self/status")
	if ignored != "SigIgn:\t0000000000000000\n" {
		t.Errorf("a command ignores signals: %s", ignored)
	}
}

func TestASocketThatNobodyServesIsToldOf(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	fd, err := newSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, abstract(socket)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p := start(t, exec.Command(agentPath, "connect", "--socket", socket, "/"))
	p.expectExit(t, 1)
	if took := time.Since(began); took < bindTime {
		t.Errorf("given up after %v", took)
	}
	if said := p.stderr.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "@"+socket) {
		t.Errorf("said %q", said)
	}
}

func TestAUserIsOnlyServedByADaemonOfItsOwn(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	socket := newSocketName()
	client, _ := connect(t, socket)
	other := exec.Command(agentPath, "connect", "--socket", socket, "/")
	other.Dir = "/"
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	p := start(t, other)
	if _, err := agenttest.Speak(t, p); err == nil {
		t.Error("another user was served")
	}
	p.expectExit(t, 0)
	client.Ping()
}
