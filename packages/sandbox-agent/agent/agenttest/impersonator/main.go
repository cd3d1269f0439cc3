// impersonator speaks the agent's protocol as somebody would who has taken the agent's place. It is
// used by the hostile tests only, and is part of no package.
//
// By default it speaks on standard input and output. With --take-over it ends the agent of the sandbox
// in which it runs and serves the agent's socket, as any program of the sandbox's user can.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

const exitUsage = 64

// stdio is one connection over standard input and output.
type stdio struct{}

func (stdio) Read(into []byte) (int, error)  { return os.Stdin.Read(into) }
func (stdio) Write(from []byte) (int, error) { return os.Stdout.Write(from) }
func (stdio) Close() error                   { return os.Stdout.Close() }

func main() {
	name := flag.String("misdeed", "", "what to do wrong; --list has the names")
	seed := flag.Int64("seed", 0, "do wrong things by chance, the same for the same seed")
	list := flag.Bool("list", false, "print all misdeeds as JSON and end")
	takeOver := flag.Bool("take-over", false, "end the sandbox's agent and serve its socket")
	socket := flag.String("socket", fmt.Sprintf("carrel-agent-%d", os.Getuid()), "the name of that socket")
	exhaust := flag.Bool("exhaust-epoll", false, "take what the kernel gives of epoll watches, hold them, and end")
	flag.Parse()
	if *exhaust {
		exhaustEpoll()
		return
	}
	if *list {
		_ = json.NewEncoder(os.Stdout).Encode(listed())
		return
	}
	deed, err := chosen(*name, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	if !*takeOver {
		serve(stdio{}, deed)
		return
	}
	if err := takeSocket(*socket, func(conn io.ReadWriteCloser) { serve(conn, deed) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// chosen gives a misdeed by its name, or one that is made by chance.
func chosen(name string, seed int64) (misdeed, error) {
	if name == "" && seed != 0 {
		return byChance(seed), nil
	}
	for _, deed := range misdeeds() {
		if deed.name == name {
			return deed, nil
		}
	}
	return misdeed{}, fmt.Errorf("no misdeed is named %q; --list prints the names", name)
}

type listedMisdeed struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func listed() []listedMisdeed {
	var all []listedMisdeed
	for _, deed := range misdeeds() {
		all = append(all, listedMisdeed{deed.name, deed.about})
	}
	return all
}
