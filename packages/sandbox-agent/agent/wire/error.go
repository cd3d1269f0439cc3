package wire

import (
	"fmt"
	"unicode/utf8"
)

// maxMessage is how many bytes of a message are told: a client's own parameters stand in it, which may
// be as long as a frame.
const maxMessage = 2000

// Code is one of the closed list of codes in architecture/agent-protocol.md.
type Code string

const (
	NotFound         Code = "not-found"
	NotDirectory     Code = "not-directory"
	IsDirectory      Code = "is-directory"
	NotRegular       Code = "not-regular"
	AlreadyExists    Code = "already-exists"
	PermissionDenied Code = "permission-denied"
	InvalidPath      Code = "invalid-path"
	InvalidArgument  Code = "invalid-argument"
	TooLarge         Code = "too-large"
	NoSpace          Code = "no-space"
	Conflict         Code = "conflict"
	NoMatch          Code = "no-match"
	AmbiguousMatch   Code = "ambiguous-match"
	ProcessLimit     Code = "process-limit"
	Capacity         Code = "capacity"
	Unavailable      Code = "unavailable"
	Timeout          Code = "timeout"
	Aborted          Code = "aborted"
	Unsupported      Code = "unsupported"
)

// Error is what a call fails with, as the client sees it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error. The message says what failed and with which value.
func Errorf(code Code, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	if len(message) > maxMessage {
		end := maxMessage
		for end > maxMessage-utf8.UTFMax && !utf8.RuneStart(message[end]) {
			end--
		}
		message = message[:end] + "…"
	}
	return &Error{Code: code, Message: message}
}
