package json

// mergeObjects merges src into dst, which may be nil, and returns dst. Objects
// on both sides are merged key by key; otherwise src wins, whatever it is.
func mergeObjects(dst, src map[string]any) map[string]any {
	if dst == nil {
		return src
	}
	for key, value := range src {
		left, leftIsObject := dst[key].(map[string]any)
		right, rightIsObject := value.(map[string]any)
		if leftIsObject && rightIsObject {
			value = mergeObjects(left, right)
		}
		dst[key] = value
	}
	return dst
}
