package daemon

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

// exhaustedBy is the variable that makes this program use something up instead of testing.
const exhaustedBy = "CARREL_TEST_EXHAUST"

// exhaust uses up one of the limits that the kernel counts by user, says so, and keeps it until it is
// killed.
func exhaust(what string) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fail(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fail(err)
	}
	var err error
	switch what {
	case "epoll":
		err = exhaustEpoll()
	case "inotify":
		for err == nil {
			_, err = syscall.InotifyInit1(syscall.IN_CLOEXEC)
		}
	case "pipes":
		// Over the soft limit of pages, every further pipe of the user has one or two.
		for count := 0; count < 1100 && err == nil; count++ {
			var ends [2]int
			err = syscall.Pipe2(ends[:], syscall.O_CLOEXEC)
		}
		if err == nil {
			err = syscall.ENOSPC
		}
	}
	if err != syscall.ENOSPC && err != syscall.EMFILE {
		return fail(fmt.Errorf("%s: %w", what, err))
	}
	fmt.Println("exhausted")
	for { // until it is killed
		time.Sleep(time.Hour)
	}
}

// exhaustEpoll watches as many descriptors with as many pollers as the kernel allows.
func exhaustEpoll() error {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	var watched []int
	for len(watched) < 10_000 {
		copied, err := syscall.Dup(ends[0])
		if err != nil {
			return err
		}
		syscall.CloseOnExec(copied)
		watched = append(watched, copied)
	}
	for {
		poller, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		for _, descriptor := range watched {
			event := syscall.EpollEvent{Events: syscall.EPOLLIN}
			if err := syscall.EpollCtl(poller, syscall.EPOLL_CTL_ADD, descriptor, &event); err != nil {
				return err
			}
		}
	}
}

// user is a uid that nothing else on the machine has: what it uses up is its own.
type user struct {
	t       *testing.T
	uid     uint32
	program string // this test program, where the user can run it
}

func newUser(t *testing.T, uid uint32) *user {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run programs as a user of their own")
	}
	program := filepath.Join(filepath.Dir(agentPath), "exhaust-"+strconv.Itoa(int(uid)))
	content, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	u := &user{t, uid, program}
	t.Cleanup(u.endAll)
	return u
}

// endAll kills what the user runs, the daemon's commands as well.
func (u *user) endAll() {
	command := exec.Command("/bin/sh", "-c", "kill -9 -1")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}}
	// It kills itself as well.
	_ = command.Run()
}

// connect is a client of the daemon that has the user to itself.
func (u *user) connect() (*agenttest.Client, *program) {
	u.t.Helper()
	command := exec.Command(agentPath, "connect", "/")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}}
	return speak(u.t, command)
}

// exhausted has a command of the sandbox use something up, and gives its call, which goes on.
func (u *user) exhausted(client *agenttest.Client, what string) *agenttest.Call {
	u.t.Helper()
	call := spawn(u.t, client, exhaustedBy+"="+what+" exec "+u.program+" 2>&1")
	said := ""
	for !strings.Contains(said, "exhausted\n") {
		frame := call.Next()
		if frame.Type != wire.Data {
			u.t.Fatalf("it ended: %s %s", said, frame.Payload)
		}
		said += string(frame.Payload[wire.ChunkHead:])
	}
	return call
}

// expectTrueOutcomes runs commands whose output and end are known.
func expectTrueOutcomes(t *testing.T, client *agenttest.Client) {
	t.Helper()
	for count := 0; count < 5; count++ {
		output, ended := execute(t, client, "echo first; sleep 0.1; echo second; exit 7")
		if output != "first\nsecond\n" || ended.Outcome != "exited" || ended.ExitCode == nil || *ended.ExitCode != 7 {
			t.Fatalf("%q %+v", output, ended)
		}
	}
	const size = 700_000
	output, ended := execute(t, client, fmt.Sprintf("sleep 0.05; head -c %d /dev/zero", size))
	if len(output) != size || ended.Outcome != "exited" || *ended.ExitCode != 0 {
		t.Fatalf("%d bytes %+v", len(output), ended)
	}
	params := spawnParams("sleep 0.05; wc -c")
	params["stdin"] = true
	counting := client.Open("spawn", params)
	counting.Event(&struct{}{})
	// More than a pipe holds, and no more than the first window.
	counting.Write(strings.Repeat("x", 60_000))
	counting.Write(strings.Repeat("x", 60_000))
	counting.End()
	body, failed := counting.Finish(&ended)
	if failed != nil || ended.Outcome != "exited" || !bytes.Contains(body, []byte("120000\n")) {
		t.Fatalf("%q %+v %v", body, ended, failed)
	}
}

func TestTheAgentGoesOnWhenItsUserMayWatchNoMoreWithEpoll(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of watches take some seconds")
	}
	u := newUser(t, 61_231)
	client, daemon := u.connect()
	u.exhausted(client, "epoll")
	expectTrueOutcomes(t, client)
	later, _ := u.connect()
	expectTrueOutcomes(t, later)
	expectTerminal(t, later)
	expectConnection(t, later)
	expectWatch(t, later)

	// A program that does not own the sandbox ends nothing of its user, and says why it cannot start.
	command := exec.Command(agentPath, "connect", "--socket", newSocketName(), "/")
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}}
	other := start(t, command)
	other.expectExit(t, 1)
	if !strings.Contains(other.stderr.String(), "fs.epoll.max_user_watches") {
		t.Error(other.stderr.String())
	}
	client.Ping()

	// The next daemon ends what was left and holds the watches.
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.exited
	next, _ := u.connect()
	if next.Agent.Instance == client.Agent.Instance {
		t.Fatal("it is the same daemon")
	}
	expectTrueOutcomes(t, next)
}

func expectTerminal(t *testing.T, client *agenttest.Client) {
	t.Helper()
	terminal := client.Open("openTerminal", agenttest.Params{"columns": 80, "rows": 24, "cwd": "/", "env": map[string]string{}})
	terminal.Event(&struct{}{})
	terminal.Write("echo $((40+2))ok; exit\n")
	body, failed := terminal.Finish(&struct{}{})
	if failed != nil || !bytes.Contains(body, []byte("42ok")) {
		t.Fatalf("%q %v", body, failed)
	}
}

func expectConnection(t *testing.T, client *agenttest.Client) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		if connection, err := server.Accept(); err == nil {
			_, _ = io.Copy(connection, connection)
			_ = connection.Close()
		}
	}()
	call := client.Open("connect", agenttest.Params{"port": server.Addr().(*net.TCPAddr).Port})
	call.Event(&struct{}{})
	call.Write("echoed")
	call.End()
	if body, failed := call.Finish(&struct{}{}); failed != nil || string(body) != "echoed" {
		t.Fatalf("%q %v", body, failed)
	}
}

func expectWatch(t *testing.T, client *agenttest.Client) {
	t.Helper()
	// Other users can enter it, other than a directory of the test's own.
	directory, err := os.MkdirTemp("", "carrel-watch-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(directory)
	if err := os.Chmod(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	call := client.Open("watch", agenttest.Params{"path": directory})
	go func() {
		for count := 0; count < 1000; count++ {
			if os.WriteFile(directory+"/"+strconv.Itoa(count), nil, 0o644) != nil {
				return
			}
			syscall.Nanosleep(&syscall.Timespec{Nsec: 20_000_000}, nil)
		}
	}()
	var event struct{ Type, Path string }
	call.Event(&event)
	if event.Type != "created" || !strings.HasPrefix(event.Path, directory+"/") {
		t.Fatalf("%+v", event)
	}
	call.Cancel()
}

func TestAWatchIsRefusedWhenItsUserMayHaveNoMoreInotifyInstances(t *testing.T) {
	u := newUser(t, 61_234)
	client, _ := u.connect()
	holder := u.exhausted(client, "inotify")
	_, failed := client.Open("watch", agenttest.Params{"path": "/"}).Finish(&struct{}{})
	if failed == nil || failed.Code != wire.Unavailable || !strings.Contains(failed.Message, "inotify") {
		t.Fatalf("%+v", failed)
	}
	expectTrueOutcomes(t, client)
	holder.Cancel()
	for frame := holder.Next(); frame.Type == wire.Data; frame = holder.Next() {
	}
	expectWatch(t, client)
}

func TestOutputIsWholeWhenPipesOfItsUserHoldOnePage(t *testing.T) {
	u := newUser(t, 61_235)
	client, _ := u.connect()
	u.exhausted(client, "pipes")
	expectTrueOutcomes(t, client)
}

func TestCommandsThatFindNoDescriptorsAreRefusedAndOthersEndTruly(t *testing.T) {
	command := exec.Command("/bin/sh", "-c", `ulimit -n 60; exec "$0" connect --socket "$1" /`, agentPath, newSocketName())
	client, _ := speak(t, command)
	var running []string
	for {
		call := client.Open("spawn", spawnParams("trap '' TERM; sleep 600; echo never"))
		frame := call.Next()
		if frame.Type == wire.Failure {
			failed := &wire.Error{}
			decode(t, frame.Payload, failed)
			if failed.Code != wire.Unavailable || !strings.Contains(failed.Message, "too many open files") {
				t.Fatal(failed)
			}
			break
		}
		var started struct{ ID string }
		decode(t, frame.Payload, &started)
		if running = append(running, started.ID); len(running) > 60 {
			t.Fatal("all of them run")
		}
	}
	// Nothing is left with which /proc could be read, as it is needed to find what descends from one.
	filler := client.Open("watch", agenttest.Params{"path": "/dev"})
	client.Ping()
	if _, failed := client.Open("kill", agenttest.Params{"id": running[0]}).Finish(&struct{}{}); failed != nil {
		t.Fatal(failed)
	}
	var processes []struct {
		ID     string
		Result *result
	}
	body, _ := client.Open("processes", nil).Finish(&struct{}{})
	decode(t, body, &processes)
	for _, process := range processes {
		if process.ID == running[0] && (process.Result == nil || process.Result.Outcome != "cancelled") {
			t.Errorf("%+v", process.Result)
		}
	}
	filler.Cancel()
	for _, id := range running[1:] {
		client.Open("kill", agenttest.Params{"id": id}).Finish(&struct{}{})
	}
	expectTrueOutcomes(t, client)
}
