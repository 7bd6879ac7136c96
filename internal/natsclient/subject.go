package natsclient

import (
	"errors"
	"fmt"
	"strings"
)

// CheckSubject refuses what NATS cannot use as the subject of a message: it would
// break its protocol, or mean something else.
func CheckSubject(subject string) error {
	if err := CheckPattern(subject); err != nil {
		return err
	}
	for token := range strings.SplitSeq(subject, ".") {
		if token == "*" || token == ">" {
			return fmt.Errorf("the NATS subject %q has a wildcard, to which nothing can be published", subject)
		}
	}
	return nil
}

// CheckPattern refuses what NATS cannot use as the subject of a subscription,
// which may have wildcards.
func CheckPattern(subject string) error {
	if subject == "" {
		return errors.New("the NATS subject is empty")
	}
	if strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("the NATS subject %q has blanks or control characters", subject)
	}
	if strings.HasPrefix(subject, ".") || strings.HasSuffix(subject, ".") || strings.Contains(subject, "..") {
		return fmt.Errorf("the NATS subject %q has an empty part between dots", subject)
	}
	return nil
}
