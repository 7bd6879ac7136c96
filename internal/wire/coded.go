package wire

import "github.com/justcy/go-micro/v4/errors"

// CodedErrorHeader, on a reply with a Micro-Error header, holds the JSON of the
// error as an *errors.Error when the text of Micro-Error, which is the one that
// go-micro v4 sends, is not that. Peers of go-micro v4 ignore it.
const CodedErrorHeader = "Micro-Error-Coded"

// CodedError is RemoteError for a reply with a CodedErrorHeader, whose value is
// coded. The text stays the error's text.
func CodedError(text, coded string) error {
	if e := errors.Parse(coded); e.Code != 0 {
		return errors.RemoteCoded(text, e)
	}
	return RemoteError(text)
}
