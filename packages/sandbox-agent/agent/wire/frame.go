// Package wire is how frames, byte strings and errors look on the stream between a client and the
// agent: architecture/agent-protocol.md.
package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Version of the protocol that this agent speaks.
const Version = 1

// Type of a frame.
type Type uint8

const (
	Hello   Type = 1
	Ping    Type = 2
	Pong    Type = 3
	Goodbye Type = 4
	Open    Type = 16
	Data    Type = 17
	End     Type = 18
	Event   Type = 19
	Result  Type = 20
	Failure Type = 21
	Cancel  Type = 22
	Window  Type = 23
)

const (
	// MaxChunk is the most bytes of a body that one Data frame carries.
	MaxChunk = 64 * 1024
	// ChunkHead is what an output stream has in front of each chunk: which stream, which number.
	ChunkHead = 5
	// MaxJSON bounds the payload of the frames that carry JSON.
	MaxJSON = 1024 * 1024
	// HeaderSize is length, type and stream.
	HeaderSize = 9
	headSize   = 5
)

// Frame is one frame; Payload is valid until the next one is read.
type Frame struct {
	Type    Type
	Stream  uint32
	Payload []byte
}

// Reader takes a stream apart into frames, in bounded memory whatever it is sent.
type Reader struct {
	source *bufio.Reader
	buffer []byte
}

func NewReader(source io.Reader) *Reader {
	return &Reader{source: bufio.NewReaderSize(source, MaxChunk)}
}

// Next gives the next frame. io.EOF is the end between two frames; within one it is
// io.ErrUnexpectedEOF; an *Error is a frame that breaks the protocol.
func (r *Reader) Next() (Frame, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(r.source, header[:]); err != nil {
		return Frame{}, err
	}
	frame := Frame{Type: Type(header[4]), Stream: binary.BigEndian.Uint32(header[5:])}
	length := binary.BigEndian.Uint32(header[:4])
	limit := maxPayload(frame.Type)
	if limit < 0 {
		return Frame{}, Errorf(InvalidArgument, "frame type %d is unknown", frame.Type)
	}
	if length < headSize || int64(length)-headSize > int64(limit) {
		return Frame{}, Errorf(TooLarge, "a frame of type %d says it is %d bytes long", frame.Type, length)
	}
	size := int(length) - headSize
	if cap(r.buffer) < size || cap(r.buffer) > 2*MaxChunk && size <= MaxChunk+ChunkHead {
		r.buffer = make([]byte, size)
	}
	frame.Payload = r.buffer[:size]
	if _, err := io.ReadFull(r.source, frame.Payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return frame, nil
}

func maxPayload(frameType Type) int {
	switch frameType {
	case Hello, Goodbye, Open, Event, Result, Failure:
		return MaxJSON
	case Data:
		return MaxChunk + ChunkHead
	case Ping, Pong:
		return 8
	case Window:
		return 4
	case End, Cancel:
		return 0
	}
	return -1
}

// AppendHeader adds the header of a frame whose payload has this size.
func AppendHeader(out []byte, frameType Type, stream uint32, size int) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(size+headSize))
	out = append(out, byte(frameType))
	return binary.BigEndian.AppendUint32(out, stream)
}

// CheckSize tells a payload over its bound, which would be a mistake of the sender's own.
func CheckSize(frameType Type, size int) error {
	if size > maxPayload(frameType) {
		return fmt.Errorf("a payload of %d bytes is too large for a frame of type %d", size, frameType)
	}
	return nil
}
