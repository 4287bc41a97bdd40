package dockertest

import "context"

// WaitError is WaitFor with an error.
func WaitError(c *Container, w Wait) error { return c.fixture.WaitFor(context.Background(), w) }

// Ready is how many forks wait to be taken.
func (p *Prepared) Ready() int { return len(p.ready) }
