package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"carrel-agent/nonblocking"
	"carrel-agent/rpc"
)

const (
	prSetDumpable  = 4
	acceptPause    = 50 * time.Millisecond
	processorsUsed = 2
	garbagePercent = 50
	heapLimitBytes = 256 * 1024 * 1024
	instanceBytes  = 8
)

// serve is the daemon: it serves its own standard input and output first, and whoever else
// connects, until the sandbox ends.
func serve(socket int, options Options) error {
	runtime.GOMAXPROCS(processorsUsed)
	debug.SetGCPercent(garbagePercent)
	debug.SetMemoryLimit(heapLimitBytes)
	outliveSignals()
	openToOwner(options.WorkDir)
	if options.OwnsSandbox {
		openToOwner(os.Getenv("HOME"))
		endLeftovers()
	}
	listener, err := startPoller(socket, options.OwnsSandbox)
	if err != nil {
		return err
	}
	makeThreads()
	instance := newInstance()
	methods, err := methodsOf(instance, options.OwnsSandbox)
	if err != nil {
		return err
	}
	server := &rpc.Server{
		Methods:  freeingWhenIdle(methods),
		Agent:    options.Version,
		Instance: instance,
		WorkDir:  options.WorkDir,
	}
	// From here on nobody hears of an error.
	first, err := standardTransport()
	if err != nil {
		return err
	}
	connections := newConnectionGroups()
	go connections.of(os.Getpid()).serve(server, first)
	return acceptAll(listener, server, connections)
}

// outliveSignals catches what would end the daemon, and drops it. To ignore the signals instead
// would have every command that it starts ignore them as well.
func outliveSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT,
		syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGTTIN,
		syscall.SIGTTOU)
}

// acceptAll takes every connection at once, so that none waits behind others. Want of descriptors or
// memory passes.
func acceptAll(listener *nonblocking.File, server *rpc.Server, connections *connectionGroups) error {
	for {
		fd, pid, err := accept(listener)
		switch err {
		case nil:
			go connections.of(pid).serve(server, socketTransport(fd))
			continue
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR:
			time.Sleep(acceptPause)
		default:
			return err
		}
	}
}

func newInstance() string {
	random := make([]byte, instanceBytes)
	if _, err := rand.Read(random); err != nil {
		// The kernel has random numbers from its start on; without them nothing here is safe.
		panic(err)
	}
	return hex.EncodeToString(random)
}
