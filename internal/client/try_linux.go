package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
)

// Try has the agent that this process would start try what a container needs. It opens no store, and gets no agent: there
// must be one. The warning is what containers have to do without.
//
// Errors: *agentbin.NotFoundError; those of starting the agent in a user namespace, which match ErrUnsupported.
func Try(ctx context.Context) (trials []api.Trial, warning string, err error) {
	bin, src, err := agentbin.Have(ctx)
	if err != nil {
		return nil, "", err
	}
	cfg, err := json.Marshal(api.Config{Role: api.RoleTrial})
	if err != nil {
		return nil, "", err
	}
	p, err := spawn(string(cfg), launcherOf(bin.Path))
	if err != nil {
		return nil, "", fmt.Errorf("start the agent %s: %w", bin.Path, err)
	}
	hello, err := p.hello(ctx, json.NewDecoder(p.lifeline))
	switch {
	case err == nil:
		p.ended()
		err = bin.Serves(src, hello.Version)
	case ctx.Err() == nil:
		err = p.err
	}
	return hello.Trials, p.warning, err
}
