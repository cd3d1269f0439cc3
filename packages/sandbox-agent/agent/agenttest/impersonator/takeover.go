package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	bindTime  = 10 * time.Second
	bindPause = time.Millisecond
	backlog   = 128
)

// takeSocket kills the daemon and serves whoever connects to its socket.
func takeSocket(name string, serve func(io.ReadWriteCloser)) error {
	// What ends with the daemon must not end this program.
	_, _ = syscall.Setsid()
	listener, err := bindInstead(name)
	if err != nil {
		return err
	}
	fmt.Println("taken")
	for {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("no connection could be accepted: %v", err)
		}
		go serve(os.NewFile(uintptr(fd), "connection"))
	}
}

func bindInstead(name string) (int, error) {
	deadline := time.Now().Add(bindTime)
	for {
		killDaemons()
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: "@" + name})
		if err == nil {
			return fd, syscall.Listen(fd, backlog)
		}
		_ = syscall.Close(fd)
		if time.Now().After(deadline) {
			return -1, fmt.Errorf("the socket @%s could not be taken: %v", name, err)
		}
		time.Sleep(bindPause)
	}
}

// killDaemons ends every agent of this user, except process 1.
func killDaemons() {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		line, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(line, []byte("\x00connect\x00")) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(name, "/")[2])
		if err == nil && pid != 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
