package cockroach

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// Metadata is the metadata of a record as a column of type JSONB, for use with
// database/sql.
type Metadata map[string]any

// Value returns the metadata as JSON. Nil metadata is an empty object.
func (m Metadata) Value() (driver.Value, error) {
	if len(m) == 0 {
		return []byte("{}"), nil
	}
	data, err := json.Marshal(map[string]any(m))
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return data, nil
}

// Scan reads what a column holds. NULL, JSON null and an empty object are nil
// metadata.
func (m *Metadata) Scan(src any) error {
	*m = nil
	switch src := src.(type) {
	case nil:
		return nil
	case string:
		return m.parse([]byte(src))
	case []byte:
		return m.parse(src)
	}
	return fmt.Errorf("metadata: a column of %T is no JSON", src)
}

func (m *Metadata) parse(data []byte) error {
	if len(data) == 0 || string(data) == "{}" {
		return nil
	}
	if err := json.Unmarshal(data, (*map[string]any)(m)); err != nil {
		*m = nil
		return fmt.Errorf("metadata: %w", err)
	}
	if len(*m) == 0 {
		*m = nil
	}
	return nil
}
