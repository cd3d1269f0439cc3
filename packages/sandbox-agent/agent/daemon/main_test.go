package daemon

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"carrel-agent/agenttest"
	"carrel-agent/wire"
)

// patience is how long a test waits for what happens in its own time on a loaded machine.
const patience = 30 * time.Second

// agentPath is the program under test.
var agentPath string

func TestMain(m *testing.M) {
	if what := os.Getenv(exhaustedBy); what != "" {
		os.Exit(exhaust(what))
	}
	os.Exit(withBinary(m.Run))
}

func withBinary(run func() int) int {
	directory, err := os.MkdirTemp("", "carrel-daemon-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(directory)
	// Other users run it as well.
	if err := os.Chmod(directory, 0o755); err != nil {
		return fail(err)
	}
	agentPath = filepath.Join(directory, "carrel-agent")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", agentPath, "carrel-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("%w: %s", err, output))
	}
	return run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// program is one run of the agent, and the byte stream to it.
type program struct {
	*exec.Cmd
	in, out *os.File
	stderr  bytes.Buffer
	// exited is closed once it has ended.
	exited chan struct{}
}

func (p *program) Read(into []byte) (int, error)  { return p.out.Read(into) }
func (p *program) Write(data []byte) (int, error) { return p.in.Write(data) }

func (p *program) Close() error {
	_ = p.in.Close()
	return p.out.Close()
}

// start runs the command with its standard streams in pipes.
func start(t testing.TB, command *exec.Cmd) *program {
	t.Helper()
	input, in := pipe(t)
	out, output := pipe(t)
	p := &program{Cmd: command, in: in, out: out, exited: make(chan struct{})}
	command.Stdin, command.Stdout, command.Stderr = input, output, &p.stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = input.Close()
	_ = output.Close()
	go func() {
		// How it ended is in its ProcessState.
		_ = command.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-p.exited
		_ = p.Close()
	})
	return p
}

func pipe(t testing.TB) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return read, write
}

// expectExit waits for the end of the program.
func (p *program) expectExit(t testing.TB, code int) {
	t.Helper()
	select {
	case <-p.exited:
		if p.ProcessState.ExitCode() != code {
			t.Errorf("ended with code %d and not %d: %s", p.ProcessState.ExitCode(), code, p.stderr.String())
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

var sockets struct {
	sync.Mutex
	count int
}

// newSocketName keeps each test's daemon to itself.
func newSocketName() string {
	sockets.Lock()
	defer sockets.Unlock()
	sockets.count++
	return fmt.Sprintf("carrel-daemon-test-%d-%d", os.Getpid(), sockets.count)
}

// connect is one client, of a program of its own.
func connect(t testing.TB, socket string) (*agenttest.Client, *program) {
	t.Helper()
	return speak(t, exec.Command(agentPath, "connect", "--socket", socket, "/"))
}

func speak(t testing.TB, command *exec.Cmd) (*agenttest.Client, *program) {
	t.Helper()
	p := start(t, command)
	client, err := agenttest.Speak(t, p)
	if err != nil {
		_ = command.Process.Kill()
		<-p.exited
		t.Fatalf("%v: %s", err, p.stderr.String())
	}
	return client, p
}

// intrude is a connection of a program that is not the agent's.
func intrude(t testing.TB, socket string) *net.UnixConn {
	t.Helper()
	var conn *net.UnixConn
	eventually(t, "the daemon's queue has room", func() bool {
		var err error
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: "@" + socket, Net: "unix"})
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// run is a command's output, once it exited with code 0.
func run(t testing.TB, client *agenttest.Client, command string) string {
	t.Helper()
	stdout, result := execute(t, client, command)
	if result.Outcome != "exited" || result.ExitCode == nil || *result.ExitCode != 0 {
		t.Fatalf("%s: %+v %s", command, result, stdout)
	}
	return stdout
}

type result struct {
	Outcome  string `json:"outcome"`
	ExitCode *int   `json:"exitCode"`
}

func execute(t testing.TB, client *agenttest.Client, command string) (output string, ended result) {
	t.Helper()
	call := spawn(t, client, command)
	for {
		frame := call.Next()
		switch frame.Type {
		case wire.Data:
			output += string(frame.Payload[wire.ChunkHead:])
		case wire.Result:
			decode(t, frame.Payload, &ended)
			return output, ended
		default:
			t.Fatalf("%s: a frame of type %d: %s", command, frame.Type, frame.Payload)
		}
	}
}

// spawn gives the call of a command that runs.
func spawn(t testing.TB, client *agenttest.Client, command string) *agenttest.Call {
	t.Helper()
	call := client.Open("spawn", spawnParams(command))
	call.Event(&struct{}{})
	return call
}

func spawnParams(command string) agenttest.Params {
	return agenttest.Params{
		"command": command, "cwd": "/", "env": map[string]string{}, "stdin": false, "open": false,
		"timeoutMs": 600_000, "maxOutputBytes": 1 << 20,
	}
}

// eventually waits for what another process does.
func eventually(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !isSo(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

func isAlive(pid int) bool { return syscall.Kill(pid, 0) == nil }
