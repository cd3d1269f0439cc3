package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	// exhaustTime is how long this program tries to reach the kernel's bound.
	exhaustTime = 30 * time.Second
	// holdTime is how long it keeps what it has.
	holdTime = 4 * time.Second
	// watched is to how many descriptors each epoll instance is added.
	watched = 1000
)

// exhaustEpoll takes watches of epoll, which the kernel counts by uid, until it gives no more.
func exhaustEpoll() {
	raiseFileLimit()
	// Go's own timers need an epoll instance, which it makes with the first one.
	time.Sleep(time.Millisecond)
	var targets []int
	for len(targets) < watched {
		var pair [2]int
		if syscall.Pipe(pair[:]) != nil {
			break
		}
		targets = append(targets, pair[0], pair[1])
	}
	deadline := time.Now().Add(exhaustTime)
	counts := make(chan int)
	for worker := 0; worker < runtime.NumCPU(); worker++ {
		go func() { counts <- watchUntil(deadline, targets) }()
	}
	total := 0
	for worker := 0; worker < runtime.NumCPU(); worker++ {
		total += <-counts
	}
	fmt.Fprintf(os.Stdout, "%d watches\n", total)
	time.Sleep(holdTime)
}

// watchUntil adds descriptors to new epoll instances, and tells how many it has added.
func watchUntil(deadline time.Time, targets []int) int {
	for count := 0; ; {
		epoll, err := syscall.EpollCreate1(0)
		if err != nil || time.Now().After(deadline) {
			return count
		}
		for _, target := range targets {
			event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(target)}
			if syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, target, &event) != nil {
				return count
			}
			count++
		}
	}
}

func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
