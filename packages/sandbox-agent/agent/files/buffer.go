package files

import (
	"io"
	"sync"

	"carrel-agent/wire"
)

// block is what file content passes through: as much as one frame carries.
type block [wire.MaxChunk]byte

// blocks keeps a transfer from making garbage of its own size; an idle agent gives them back.
var blocks = sync.Pool{New: func() any { return new(block) }}

func takeBlock() *block  { return blocks.Get().(*block) }
func giveBlock(b *block) { blocks.Put(b) }

// buffered gathers small pieces of a body, so that they go out in whole frames.
type buffered struct {
	target io.Writer
	block  *block
	filled int
}

func bodyBuffer(target io.Writer) *buffered {
	return &buffered{target: target, block: takeBlock()}
}

func (b *buffered) add(data []byte) error {
	for len(data) > 0 {
		count := copy(b.block[b.filled:], data)
		b.filled += count
		data = data[count:]
		if b.filled < len(b.block) {
			return nil
		}
		if err := b.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Write is add, for those who want an io.Writer.
func (b *buffered) Write(data []byte) (int, error) {
	if err := b.add(data); err != nil {
		return 0, err
	}
	return len(data), nil
}

func (b *buffered) flush() error {
	if b.filled == 0 {
		return nil
	}
	_, err := b.target.Write(b.block[:b.filled])
	b.filled = 0
	return err
}

// release gives the block back; the buffer is not used any more.
func (b *buffered) release() { giveBlock(b.block) }
