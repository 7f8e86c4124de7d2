package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/targets"
)

// startTarget starts a target, and before it the upstream that its backend
// calls, where it calls one and no address is given.
func startTarget(ctx context.Context, c *cli.Command, style targets.Style, o targets.Options) (listening, error) {
	b, err := targets.FindBackend(text(c, "backend", targets.Backends[0].Name))
	if err != nil {
		return nil, err
	}
	if b.Upstream == "" || o.BackendURL != "" {
		return style.Start(o)
	}
	process, err := startUpstream(ctx, c, b)
	if err != nil {
		return nil, fmt.Errorf("the upstream of backend %s: %w", b.Name, err)
	}
	o.BackendURL = b.Scheme + process.Addr
	server, err := style.Start(o)
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return &withUpstream{server, process}, nil
}

// startUpstream starts an order service in a process of its own, which waits as
// the flags say and has no limit. It may use the CPUs that this process may, and
// on Linux it ends with this process, however that ends.
func startUpstream(ctx context.Context, c *cli.Command, b targets.Backend) (*targets.Process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", b.Upstream, "--addr=" + targets.DefaultAddr}
	for _, s := range targetSettings(c, "") {
		flag := strings.ReplaceAll(s.Key, "_", "-")
		switch flag { // that the environment says of the target is not of the upstream
		case "backend":
			s.Value = targets.Backends[0].Name
		case "backend-url", "extra-delay":
			s.Value = ""
		case "extra-cpu":
			s.Value = "0s"
		case "rpc-limit":
			s.Value = targets.LimitNone
		case "max-inflight", "backend-conns":
			s.Value = "0"
		}
		args = append(args, "--"+flag+"="+s.Value)
	}
	return targets.Launch(ctx, exec.Command(exe, args...), nil)
}

// withUpstream is a target with the upstream that was started for it.
type withUpstream struct {
	targets.Server
	upstream *targets.Process
}

// Shutdown ends the upstream too, once nobody calls it any more.
func (w *withUpstream) Shutdown(ctx context.Context) error {
	return errors.Join(w.Server.Shutdown(ctx), w.upstream.Stop())
}
