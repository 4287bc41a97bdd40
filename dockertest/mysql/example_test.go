package mysql_test

import (
	"os"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/mysql"
)

func ExampleRun() {
	TestOrders := func(t *testing.T) {
		my := mysql.Run(t, mysql.Options{Image: mysql.MariaDB, Init: os.DirFS("migrations"), Database: "orders"})
		db := my.SQL(t, "mysql")
		if _, err := db.Exec("insert into orders values (1)"); err != nil {
			t.Fatal(err)
		}
	}
	_ = TestOrders // go test calls it
}
