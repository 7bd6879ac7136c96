package servers

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// localPostgres are the users that a machine's own server may know.
var localPostgres = []string{
	"postgresql://postgres@127.0.0.1:5432/postgres?sslmode=disable",
	"postgresql://root@127.0.0.1:5432/postgres?sslmode=disable",
}

func findPostgres(b *Backend) (stop func()) {
	candidates := localPostgres
	if url := os.Getenv("MICRO_TEST_POSTGRES_URL"); url != "" {
		candidates = []string{url}
	}
	var failed []string
	for _, admin := range candidates {
		url, stop, err := newDatabase(admin)
		if err != nil {
			failed = append(failed, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		b.is(Real, url, postgresVersion(url))
		return stop
	}
	b.is(Absent, "", strings.Join(failed, "; "))
	return nil
}

// newDatabase makes a database for this process.
func newDatabase(admin string) (database string, drop func(), err error) {
	name := fmt.Sprintf("micro_test_%d_%d", os.Getpid(), time.Now().UnixNano())
	if err := execSQL(admin, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(admin)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		// Connections of tests that failed must not keep the database.
		if execSQL(admin, "DROP DATABASE "+name+" WITH (FORCE)") != nil {
			_ = execSQL(admin, "DROP DATABASE "+name+" CASCADE") // CockroachDB's way
		}
	}, nil
}

func execSQL(url, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func postgresVersion(url string) (version string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err.Error()
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, "SELECT version()").Scan(&version); err != nil {
		return err.Error()
	}
	return version
}
