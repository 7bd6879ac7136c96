package cockroach

import (
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ErrName is wrapped by the error of an operation on a database, a table or a key
// whose name the server cannot hold, or has for another.
var ErrName = errors.New("the database cannot hold this name")

// dialect is where the servers differ.
type dialect struct {
	makeDatabase string // followed by a quoted name
	public       string // the schema between a database and its tables
	// namesKey: a primary key is named "<table>_pkey" only when it is told to.
	namesKey bool
	// bytewise makes text compare byte by byte, as it does anyhow on CockroachDB.
	bytewise string
	maxName  int // bytes of a name
}

var (
	cockroach = dialect{
		makeDatabase: "CREATE DATABASE IF NOT EXISTS ", public: `"public".`,
		namesKey: true, maxName: 255,
	}
	postgres = dialect{
		makeDatabase: "CREATE SCHEMA IF NOT EXISTS ", bytewise: ` COLLATE "C"`,
		maxName: 63,
	}
)

// tableName is a table as the users of a store call it.
type tableName struct{ database, table string }

var others = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// layoutName returns the name that the server has for a name of the store.
func (d *dialect) layoutName(name string) (string, error) {
	plain := strings.ToLower(others.ReplaceAllString(name, "_"))
	if len(plain) > d.maxName {
		return "", fmt.Errorf("%w: a name has at most %d bytes, not %d", ErrName, d.maxName, len(plain))
	}
	return plain, nil
}

// indexName returns the name of an index, which like all names is cut off by
// PostgreSQL when it is too long.
func (d *dialect) indexName(prefix, table string) string {
	name := prefix + table
	if len(name) <= d.maxName {
		return name
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%s_%08x", name[:d.maxName-9], h.Sum32())
}

// qualified returns a table's name for use in a statement. Neither part has quotes.
func (d *dialect) qualified(database, table string) string {
	return fmt.Sprintf(`"%s".%s"%s"`, database, d.public, table)
}

// checkText refuses what is no text for the server.
func checkText(key string) error {
	if strings.ContainsRune(key, 0) || !utf8.ValidString(key) {
		return fmt.Errorf("%w: text is UTF-8 without NUL", ErrName)
	}
	return nil
}

var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func beginsWith(prefix string) string { return wildcards.Replace(prefix) + "%" }

func endsWith(suffix string) string { return "%" + wildcards.Replace(suffix) }
