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
	maxConnections = 16
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
	// Processes of the same user neither trace it nor read its memory and environment.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return errno
	}
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
	slots := make(chan struct{}, maxConnections)
	slots <- struct{}{}
	go serveOne(server, first, slots)
	return acceptAll(listener, server, slots)
}

// outliveSignals catches what would end the daemon, and drops it. To ignore the signals instead
// would have every command that it starts ignore them as well.
func outliveSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT,
		syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGTTIN,
		syscall.SIGTTOU)
}

func serveOne(server *rpc.Server, client transport, slots <-chan struct{}) {
	// Why a connection ended concerns its client, who was told with GOODBYE.
	_ = server.Serve(client)
	<-slots
}

// acceptAll takes connections as long as there are slots. Want of descriptors or memory passes.
func acceptAll(listener *nonblocking.File, server *rpc.Server, slots chan struct{}) error {
	for {
		slots <- struct{}{}
		fd, err := accept(listener)
		switch err {
		case nil:
			go serveOne(server, socketTransport(fd), slots)
			continue
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR:
			<-slots
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
