package dockertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// WaitSQL waits until a database answers: driver is a name that the test's imports have registered with database/sql,
// port the container's, and dsn makes the data source's name of the address:
//
//	dockertest.WaitSQL("pgx", 5432, func(addr string) string { return "postgres://postgres:secret@" + addr + "/postgres" })
func WaitSQL(driver string, port uint16, dsn func(addr string) string) Wait {
	w := Wait{what: fmt.Sprintf("%s to answer at port %d", driver, port), hold: func(ctx context.Context, p *probe) error {
		addr, err := p.Addr(ctx, port, "")
		if err != nil {
			return wait.Permanent{Err: err}
		}
		db, err := sql.Open(driver, dsn(addr.String()))
		if err != nil {
			return wait.Permanent{Err: err}
		}
		defer db.Close()
		return p.poll(ctx, db.PingContext)
	}}
	switch {
	case dsn == nil:
		w.err = errors.New("the function that returns the data source name is nil")
	case port == 0:
		w.err = errors.New("0 is not a valid port")
	case !slices.Contains(sql.Drivers(), driver):
		w.err = fmt.Errorf("database/sql has no driver %q: import one", driver)
	}
	return w
}
