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

const usage = `usage: carrel-agent init                     reap orphans, as process 1
       carrel-agent connect [--socket NAME]   serve or relay a client on standard input and output;
                                             with NAME, beside programs that are not the agent's
       carrel-agent version
`

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == "init":
		pid1.Run()
	case len(arguments) == 1 && arguments[0] == "connect":
		connect(daemon.Options{Socket: "carrel-agent-" + strconv.Itoa(os.Getuid()), OwnsSandbox: true})
	case len(arguments) == 3 && arguments[0] == "connect" && arguments[1] == "--socket":
		connect(daemon.Options{Socket: arguments[2]})
	case len(arguments) == 1 && arguments[0] == "version":
		os.Stdout.WriteString("carrel-agent " + version + " protocol " + strconv.Itoa(wire.Version) + "\n")
	default:
		os.Stderr.WriteString(usage)
		os.Exit(2)
	}
}

func connect(options daemon.Options) {
	options.Version = version
	if err := daemon.Connect(options); err != nil {
		os.Stderr.WriteString("carrel-agent: " + err.Error() + "\n")
		os.Exit(1)
	}
}
