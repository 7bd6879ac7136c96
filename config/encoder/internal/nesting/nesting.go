// Package nesting bounds how deep a document may be nested before a parser that
// recurses sees it.
package nesting

import "fmt"

// Max is how many brackets may be open at once.
const Max = 1000

// Check fails for text with more than Max open brackets. It takes no account of
// strings and comments, where nobody writes so many.
func Check(text []byte) error {
	depth := 0
	for i, b := range text {
		switch b {
		case '[', '{', '(':
			if depth++; depth > Max {
				return fmt.Errorf("more than %d brackets are open at byte %d", Max, i)
			}
		case ']', '}', ')':
			depth = max(depth-1, 0)
		}
	}
	return nil
}
