package postgres_test

import (
	"context"
	"log"
	"os"
	"testing"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/postgres"
)

func ExampleRun() {
	TestOrders := func(t *testing.T) {
		pg := postgres.Run(t, postgres.Options{Init: os.DirFS("migrations"), Database: "orders"})
		db := pg.SQL(t, "pgx")
		if _, err := db.Exec("insert into orders values (1)"); err != nil {
			t.Fatal(err)
		}
	}
	_ = TestOrders // go test calls it
}

// One server for all tests of a package.
func ExampleStart() {
	opts := postgres.Options{Database: "orders"}
	var server *dockertest.Fixture
	TestMain := func(m *testing.M) {
		var err error
		if server, err = postgres.Start(context.Background(), opts); err != nil {
			log.Fatal(err)
		}
		os.Exit(m.Run())
	}
	TestOrders := func(t *testing.T) {
		db := postgres.Of(server.For(t), opts).SQL(t, "pgx")
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = TestMain, TestOrders // go test calls them
}
