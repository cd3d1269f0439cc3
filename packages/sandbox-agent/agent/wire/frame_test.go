package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func frameOf(frameType Type, stream uint32, payload string) string {
	return string(AppendHeader(nil, frameType, stream, len(payload))) + payload
}

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	input := frameOf(Hello, 0, "{}") + frameOf(Data, 1<<31, strings.Repeat("x", MaxChunk+ChunkHead)) +
		frameOf(End, 7, "") + frameOf(Result, 7, strings.Repeat("y", MaxJSON)) + frameOf(Ping, 0, "12345678")
	for name, source := range map[string]io.Reader{
		"at once":      strings.NewReader(input),
		"byte by byte": iotest.OneByteReader(strings.NewReader(input)),
	} {
		reader, output := NewReader(source), ""
		for {
			frame, err := reader.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			output += frameOf(frame.Type, frame.Stream, string(frame.Payload))
		}
		if output != input {
			t.Errorf("%s: %d bytes became %d others", name, len(input), len(output))
		}
	}
}

func TestTheLayoutOfAFrameIsThatOfTheProtocol(t *testing.T) {
	got := frameOf(Data, 0x01020304, "ab")
	if want := "\x00\x00\x00\x07\x11\x01\x02\x03\x04ab"; got != want {
		t.Fatalf("%q and not %q", got, want)
	}
}

func TestAStreamThatEndsWithinAFrameIsToldApart(t *testing.T) {
	whole := frameOf(Data, 1, "abc")
	for size := 0; size < len(whole); size++ {
		want := io.ErrUnexpectedEOF
		if size == 0 {
			want = io.EOF
		}
		if _, err := NewReader(strings.NewReader(whole[:size])).Next(); err != want {
			t.Errorf("after %d bytes: %v and not %v", size, err, want)
		}
	}
}

func TestAFrameOverItsBoundIsRefusedBeforeItIsRead(t *testing.T) {
	for frameType, limit := range map[Type]uint32{
		Hello: MaxJSON, Open: MaxJSON, Event: MaxJSON, Result: MaxJSON, Failure: MaxJSON, Goodbye: MaxJSON,
		Data: MaxChunk + ChunkHead, Ping: 8, Pong: 8, Window: 4, End: 0, Cancel: 0,
	} {
		for _, length := range []uint32{limit + headSize + 1, 1<<32 - 1, 0, headSize - 1} {
			header := append(binary.BigEndian.AppendUint32(nil, length), byte(frameType), 0, 0, 0, 1)
			reader := NewReader(bytes.NewReader(header))
			var refused *Error
			if _, err := reader.Next(); !errors.As(err, &refused) || refused.Code != TooLarge {
				t.Errorf("type %d, length %d: %v", frameType, length, err)
			}
			if cap(reader.buffer) > 0 {
				t.Errorf("type %d, length %d: %d bytes were kept free for it", frameType, length, cap(reader.buffer))
			}
		}
		if CheckSize(frameType, int(limit)) != nil || CheckSize(frameType, int(limit)+1) == nil {
			t.Errorf("a sender has another bound for type %d", frameType)
		}
	}
}

func TestAFrameOfAnUnknownTypeIsRefused(t *testing.T) {
	for _, frameType := range []Type{0, 5, 15, 24, 31, 255} {
		var refused *Error
		_, err := NewReader(strings.NewReader(frameOf(frameType, 1, ""))).Next()
		if !errors.As(err, &refused) || refused.Code != InvalidArgument {
			t.Errorf("type %d: %v", frameType, err)
		}
		if CheckSize(frameType, 0) == nil {
			t.Errorf("type %d can be sent", frameType)
		}
	}
}

func TestTheMemoryOfALargeFrameIsGivenBack(t *testing.T) {
	reader := NewReader(strings.NewReader(frameOf(Open, 1, strings.Repeat("x", MaxJSON)) + frameOf(End, 1, "")))
	for i := 0; i < 2; i++ {
		if _, err := reader.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(reader.buffer) > 2*MaxChunk {
		t.Fatalf("%d bytes are kept", cap(reader.buffer))
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(frameOf(Hello, 0, `{"protocol":[1,1]}`)+frameOf(Data, 1, "x")+frameOf(End, 1, "")), uint8(1))
	f.Add([]byte(frameOf(Ping, 0, "12345678")+"\x00\x00"), uint8(3))
	f.Add([]byte("\xff\xff\xff\xff\x10\x00\x00\x00\x01"), uint8(0))
	f.Add([]byte("\x00\x00\x00\x05\x63\x00\x00\x00\x01"), uint8(9))
	f.Fuzz(func(t *testing.T, input []byte, piece uint8) {
		reader := NewReader(&piecewise{input, int(piece)%32 + 1})
		var output []byte
		for {
			frame, err := reader.Next()
			if err != nil {
				expectRest(t, err, input[len(output):])
				return
			}
			if CheckSize(frame.Type, len(frame.Payload)) != nil {
				t.Fatalf("a frame of type %d with %d bytes", frame.Type, len(frame.Payload))
			}
			output = append(AppendHeader(output, frame.Type, frame.Stream, len(frame.Payload)), frame.Payload...)
			if !bytes.HasPrefix(input, output) {
				t.Fatalf("%q was read as %q", input, output)
			}
		}
	})
}

// expectRest checks that an error is right about what stands where it came.
func expectRest(t *testing.T, err error, rest []byte) {
	var refused *Error
	switch {
	case err == io.EOF:
		if len(rest) > 0 {
			t.Fatalf("the end came before %q", rest)
		}
	case err == io.ErrUnexpectedEOF:
		if len(rest) == 0 || len(rest) >= HeaderSize && len(rest) >= 4+int(binary.BigEndian.Uint32(rest)) {
			t.Fatalf("%q is no frame that was cut", rest)
		}
	case !errors.As(err, &refused) || len(rest) < HeaderSize:
		t.Fatalf("%v at %q", err, rest)
	}
}

// piecewise gives a few bytes at a time.
type piecewise struct {
	rest []byte
	size int
}

func (p *piecewise) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	if len(into) > p.size {
		into = into[:p.size]
	}
	count := copy(into, p.rest)
	p.rest = p.rest[count:]
	return count, nil
}
