// carrel-agent is the program inside a sandbox. architecture/agent-protocol.md says what it speaks.
//
// It is built so that the same source gives the same bytes, in whatever folder:
//
//	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -buildid= -X main.version=VERSION"
package main

import (
	"os"
	"strconv"

	"carrel-agent/daemon"
	"carrel-agent/pid1"
	"carrel-agent/wire"
)

// version is that of the npm package; the build sets it.
var version = "development"

const usage = `usage: carrel-agent init                               reap orphans, as process 1
       carrel-agent connect [--socket NAME] DIRECTORY  serve or relay a client on standard input and
                                                       output, whose work is in the directory; with
                                                       NAME, beside programs that are not the agent's
       carrel-agent version
`

// exitUsage is EX_USAGE. Code 2 is that of Go's runtime where it cannot go on, for want of a thread say.
const exitUsage = 64

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == "init":
		pid1.Run()
	case len(arguments) == 2 && arguments[0] == "connect":
		socket := "carrel-agent-" + strconv.Itoa(os.Getuid())
		connect(daemon.Options{Socket: socket, WorkDir: arguments[1], OwnsSandbox: true})
	case len(arguments) == 4 && arguments[0] == "connect" && arguments[1] == "--socket":
		connect(daemon.Options{Socket: arguments[2], WorkDir: arguments[3]})
	case len(arguments) == 1 && arguments[0] == "version":
		os.Stdout.WriteString("carrel-agent " + version + " protocol " + strconv.Itoa(wire.Version) + "\n")
	default:
		os.Stderr.WriteString(usage)
		os.Exit(exitUsage)
	}
}

func connect(options daemon.Options) {
	options.Version = version
	if err := daemon.Connect(options); err != nil {
		os.Stderr.WriteString("carrel-agent: " + err.Error() + "\n")
		os.Exit(1)
	}
}
