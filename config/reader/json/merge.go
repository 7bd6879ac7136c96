package json

// mergeObjects returns the objects merged from left to right: objects that have
// the same key are merged too, and anything else is replaced by what comes later.
// It changes none of them, and shares with them what it need not merge.
func mergeObjects(objects []map[string]any) map[string]any {
	if len(objects) == 0 {
		return nil
	}
	if len(objects) == 1 {
		return objects[0]
	}
	merged := make(map[string]any, len(objects[0]))
	var several map[string][]map[string]any // objects that have the same key
	for _, object := range objects {
		for key, value := range object {
			left, leftIsObject := merged[key].(map[string]any)
			right, rightIsObject := value.(map[string]any)
			merged[key] = value
			if !leftIsObject || !rightIsObject {
				delete(several, key)
				continue
			}
			if several == nil {
				several = map[string][]map[string]any{}
			}
			if several[key] == nil {
				several[key] = []map[string]any{left}
			}
			several[key] = append(several[key], right)
		}
	}
	for key, objects := range several {
		merged[key] = mergeObjects(objects)
	}
	return merged
}
