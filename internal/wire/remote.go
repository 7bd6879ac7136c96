package wire

import (
	"strings"

	"github.com/justcy/go-micro/v4/errors"
)

// RemoteError turns the text of a Micro-Error header into an error whose
// Error method returns that very text. The JSON form of an *errors.Error comes
// back as one; any other text is found as an *errors.Error by errors.As.
func RemoteError(text string) error {
	parsed := errors.Parse(text)
	if strings.HasPrefix(text, "{") && parsed.Error() == text {
		return parsed
	}
	return &remoteError{text: text, parsed: parsed}
}

type remoteError struct {
	text   string
	parsed *errors.Error
}

func (e *remoteError) Error() string { return e.text }

// As makes the parsed form reachable without changing the text.
func (e *remoteError) As(target any) bool {
	t, ok := target.(**errors.Error)
	if ok {
		*t = e.parsed
	}
	return ok
}

// Is compares the parsed form.
func (e *remoteError) Is(target error) bool { return e.parsed.Is(target) }
