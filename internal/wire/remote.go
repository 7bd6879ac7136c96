package wire

import "github.com/justcy/go-micro/v4/errors"

// RemoteError turns the text of a Micro-Error header into an *errors.Error
// whose Error method returns that very text and whose code is never 0.
func RemoteError(text string) error {
	return errors.Remote("", text)
}
