package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"carrel-agent/agenttest"
	"carrel-agent/rpc"
	"carrel-agent/wire"
)

// namespace is a process namespace of its own, as a sandbox has.
type namespace struct {
	t      *testing.T
	first  string // its process 1
	socket string
	// end ends all that is in it.
	end func()
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	for _, tool := range []string{"unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil || os.Getuid() != 0 {
			t.Skip("it takes root and", tool)
		}
	}
	holder := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "600")
	if err := holder.Start(); err != nil {
		t.Skip(err)
	}
	n := &namespace{t: t, socket: newSocketName(), end: func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	}}
	t.Cleanup(n.end)
	list := fmt.Sprintf("/proc/%d/task/%d/children", holder.Process.Pid, holder.Process.Pid)
	eventually(t, "the namespace has a first process", func() bool {
		children, err := os.ReadFile(list)
		n.first = strings.TrimSpace(string(children))
		if _, wrong := strconv.Atoi(n.first); err != nil || wrong != nil {
			return false
		}
		name, err := os.ReadFile("/proc/" + n.first + "/comm")
		return err == nil && string(name) == "sleep\n"
	})
	return n
}

// connect is a client from outside, as an engine starts one.
func (n *namespace) connect() (*agenttest.Client, *program) {
	n.t.Helper()
	return speak(n.t, exec.Command("nsenter", "-t", n.first, "-p", "-m", agentPath, "connect", "--socket", n.socket, "/"))
}

// intrude is a connection of no process from outside: this one is not to be seen in the namespace.
func (n *namespace) intrude(said string) *net.UnixConn {
	n.t.Helper()
	conn := intrude(n.t, n.socket)
	// The daemon may have ended it already.
	_, _ = io.WriteString(conn, said)
	return conn
}

func TestGuestsTakeNothingFromClientsFromOutside(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	// nsenter does not pass on that it is killed.
	defer n.end()
	client, daemon := n.connect()
	work := spawn(t, client, "read line; echo kept")
	const each = 32
	for count := 0; count < maxConnections; count++ {
		said := hello(1 << 20)
		for id := uint32(1); id <= each; id++ {
			// It waits for its body, and takes nothing that other tests need.
			said += frame(wire.Open, id, `{"method":"edit","path":"/x","oldBytes":1,"newBytes":1,"replaceAll":false}`)
		}
		n.intrude(said + "\x00\x10")
	}
	for count := 0; count < 1000; count++ {
		said := []string{"", hello(1 << 20)[:7], hello(1 << 20), "\x00\x0f\xff\xff\x01"}[count%4]
		n.intrude(said)
	}
	client.Ping()
	for count := 0; count < 3; count++ {
		later, _ := n.connect()
		if said := run(t, later, "echo served"); said != "served\n" {
			t.Error(said)
		}
	}
	if !isAlive(daemon.Process.Pid) {
		t.Error("the daemon has gone")
	}
	if most := 2*maxConnections + 64; descriptors(t, agentOf(t, daemon)) > most+rpc.GuestLimits.Calls {
		t.Errorf("the daemon has more than %d descriptors", most)
	}
	work.Cancel()
	client.Ping()
}

// agentOf is the daemon itself, which nsenter started.
func agentOf(t *testing.T, started *program) int {
	t.Helper()
	pid := started.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	agent, err := strconv.Atoi(strings.Fields(string(children))[0])
	if err != nil {
		t.Fatal(err)
	}
	return agent
}

func TestAGuestThatIsIdleMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	socket := newSocketName()
	client, _ := connect(t, socket)
	work := spawn(t, client, "sleep 600")
	greeted := make([]*net.UnixConn, 2*maxConnections)
	for index := range greeted {
		greeted[index] = intrude(t, socket)
		// One that comes while all others are being greeted may be refused.
		_, _ = io.WriteString(greeted[index], hello(1<<20))
	}
	expectClosed(t, greeted[0])
	client.Ping()
	later, _ := connect(t, socket)
	if said := run(t, later, "echo served"); said != "served\n" {
		t.Error(said)
	}
	work.Cancel()
}
