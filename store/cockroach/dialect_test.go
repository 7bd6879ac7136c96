package cockroach

import (
	"errors"
	"strings"
	"testing"
)

func TestNamesAreThoseOfGoMicroV4(t *testing.T) {
	for name, want := range map[string]string{
		"micro": "micro", "go.micro.auth": "go_micro_auth", "Go-Micro": "go_micro", "a--b..c": "a_b_c",
		"../x": "_x", `"; DROP TABLE micro; --`: "_drop_table_micro_", "été": "_t_", "\x00\xff": "_", "1a": "1a",
	} {
		for _, d := range []*dialect{&cockroach, &postgres} {
			if got, err := d.layoutName(name); got != want || err != nil {
				t.Errorf("%q is %q, %v, want %q", name, got, err, want)
			}
		}
	}
}

func TestNamesThatWouldBeCutOffAreRefused(t *testing.T) {
	if _, err := postgres.layoutName(strings.Repeat("n", 63)); err != nil {
		t.Error(err)
	}
	if _, err := postgres.layoutName(strings.Repeat("n", 64)); !errors.Is(err, ErrName) {
		t.Errorf("got %v", err)
	}
	a, b := postgres.indexName("metadata_index_", strings.Repeat("n", 62)+"a"), postgres.indexName("metadata_index_", strings.Repeat("n", 62)+"b")
	if a == b || len(a) > 63 || len(b) > 63 {
		t.Errorf("indexes are %s and %s", a, b)
	}
	if got := postgres.indexName("key_index_", "orders"); got != "key_index_orders" {
		t.Errorf("index is %s", got)
	}
}

// The statements for CockroachDB, whose databases hold schemas.
func TestTheLayoutOnCockroachDBIsThatOfV4(t *testing.T) {
	table, err := newTable(nil, &cockroach, tableName{"Shop", "go.orders"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`CREATE TABLE IF NOT EXISTS "shop"."public"."go_orders" (key text NOT NULL, value bytea, metadata JSONB, expiry timestamp with time zone, CONSTRAINT "go_orders_pkey" PRIMARY KEY (key))`,
		`CREATE INDEX IF NOT EXISTS "key_index_go_orders" ON "shop"."public"."go_orders" USING btree (key)`,
		`CREATE INDEX IF NOT EXISTS "metadata_index_go_orders" ON "shop"."public"."go_orders" USING GIN (metadata)`,
	}
	for i, got := range table.statements() {
		if got != want[i] {
			t.Errorf("got %s\nwant %s", got, want[i])
		}
	}
	if strings.Contains(table.scanSQL, "COLLATE") || !strings.Contains(table.scanSQL, `FROM "shop"."public"."go_orders" WHERE`) {
		t.Errorf("got %s", table.scanSQL)
	}
}

func TestPatternsMatchThemselvesAlone(t *testing.T) {
	if got := beginsWith(`50%_\`); got != `50\%\_\\%` {
		t.Errorf("got %s", got)
	}
	if got := endsWith(`50%_\`); got != `%50\%\_\\` {
		t.Errorf("got %s", got)
	}
}
