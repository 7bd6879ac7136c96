package errors

import "net/http"

// Wrap is [New] with a cause, which the standard library's Is, As and Unwrap
// find behind the error. The cause is no part of the text and does not travel:
// what comes back from the wire has none.
func Wrap(cause error, id, detail string, code int32) error {
	return &Error{Id: id, Code: code, Detail: detail, Status: http.StatusText(int(code)), cause: cause}
}

// Unwrap returns the cause of an error made by [Wrap], else nil.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	if _, ok := e.cause.(*sent); ok {
		return nil
	}
	return e.cause
}

// Remote returns the error that a peer reported with text. Its Error method
// returns that very text, as long as the fields stay as they are. The fields
// are those of [Parse], but that an error without a code gets code 500, and id
// if it has none either.
func Remote(id, text string) *Error {
	e := Parse(text)
	s := &sent{text: text, uncoded: e.Code == 0}
	if s.uncoded {
		e.Code = http.StatusInternalServerError
		if e.Id == "" {
			e.Id = id
		}
		if e.Status == "" {
			e.Status = http.StatusText(http.StatusInternalServerError)
		}
	} else if string(e.appendJSON(nil)) == text {
		return e
	}
	s.id, s.code, s.detail, s.status = e.Id, e.Code, e.Detail, e.Status
	e.cause = s
	return e
}

// RemoteCoded is Remote for a text beside which the peer has told the fields of the
// error.
func RemoteCoded(text string, e *Error) *Error {
	e.cause = &sent{text: text, id: e.Id, code: e.Code, detail: e.Detail, status: e.Status}
	return e
}

// sent takes the place of the cause in an error whose text on the wire was not
// what its fields make.
type sent struct {
	text    string
	uncoded bool // it had no code

	id, detail, status string // of the error
	code               int32
}

func (s *sent) Error() string { return s.text }

// asSent returns what the peer sent, nil when that is not known or no longer
// what the error says.
func (e *Error) asSent() *sent {
	s, ok := e.cause.(*sent)
	if ok && s.id == e.Id && s.code == e.Code && s.detail == e.Detail && s.status == e.Status {
		return s
	}
	return nil
}
