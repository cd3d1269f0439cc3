package rpc

import (
	"bytes"
	"math/rand"
	"testing"

	"carrel-agent/wire"
)

func TestInboxGivesBytesInOrderWhateverTheirPieces(t *testing.T) {
	source := rand.New(rand.NewSource(1))
	sent := make([]byte, 5*wire.MaxChunk+123)
	source.Read(sent)
	var box inbox
	var received []byte
	for given := 0; given < len(sent) || !box.empty(); {
		size := source.Intn(2 * wire.MaxChunk)
		if size > len(sent)-given {
			size = len(sent) - given
		}
		box.add(sent[given : given+size])
		given += size
		into := make([]byte, source.Intn(2*wire.MaxChunk))
		received = append(received, into[:box.read(into)]...)
	}
	if !bytes.Equal(received, sent) {
		t.Fatal("other bytes than were sent")
	}
	if box.read(make([]byte, 1)) != 0 || box.blocks != nil {
		t.Fatal("an empty inbox holds something")
	}
}

func TestInboxHoldsLittleMoreThanItsBytesNeed(t *testing.T) {
	var box inbox
	for i := 1; i <= 4*wire.MaxChunk; i++ {
		box.add([]byte{1})
		held := 0
		for _, block := range box.blocks {
			held += len(block)
		}
		if held > blockSizes[0]+9*i || held > i+wire.MaxChunk {
			t.Fatalf("%d bytes are held for %d", held, i)
		}
	}
}
