package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
)

// maxBodyFile bounds what --body-file may hold: every connection sends it.
const maxBodyFile = 64 << 20

// driverOf is the driver that the flags ask for, for these requests.
func driverOf(c *cli.Command, h bench.HTTP) (bench.Driver, error) {
	threads, spin := c.Int("threads"), c.Duration("spin")
	if threads < 1 || threads > epoll.MaxThreads {
		return nil, usageError("--threads=%d: want 1 to %d", threads, epoll.MaxThreads)
	}
	switch name := c.String("driver"); name {
	case "":
		d, err := epoll.Best(h, epoll.Options{Threads: threads, Spin: spin})
		if err != nil {
			return nil, err
		}
		return d, only(c, d.Name())
	case epoll.Name:
		d, err := epoll.New(h, epoll.Options{Threads: threads, Spin: spin})
		switch {
		case errors.Is(err, epoll.ErrSecure):
			return nil, usageError("--driver=epoll: %w; use --driver goroutine", err)
		case err != nil && !epoll.Supported:
			return nil, usageError("--driver=epoll: %w; use --driver goroutine", err)
		case err != nil:
			return nil, err
		}
		return d, nil
	case bench.GoroutineName:
		d, err := h.Driver()
		if err != nil {
			return nil, err
		}
		return d, only(c, name)
	default:
		return nil, usageError("--driver=%s: want epoll or goroutine", name)
	}
}

// only refuses flags that mean nothing to the driver.
func only(c *cli.Command, driver string) error {
	for _, flag := range []string{"threads", "spin"} {
		if driver != epoll.Name && c.IsSet(flag) {
			return usageError("--%s=%v: requires driver epoll; this is %s", flag, c.Value(flag), driver)
		}
	}
	return nil
}

// driverOfStyle is the driver of a target of ours that listens at addr; of style
// queue without what tells when an order is paid, which is the broker.
func driverOfStyle(c *cli.Command, s targets.Style, addr string) (bench.Driver, error) {
	if s.Protocol == targets.GRPC {
		conns := c.Int("grpc-connections")
		if conns > 0 && c.Bool("new-connection") {
			return nil, usageError("--grpc-connections=%d: and --new-connection cannot be given together: connections are shared, or new for each call", conns)
		}
		d, err := grpc.Client{Addr: addr, Connections: conns, Request: orders.Request{Kind: orders.Find, UserID: askedUser}}.Driver()
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	if s.Later {
		d, _, err := queue.Driver(context.Background(), addr, "", c.Bool("new-connection"))
		return d, err
	}
	return driverOf(c, bench.HTTP{
		URL: fmt.Sprintf("http://%s%s?user_id=%d", addr, orders.PathOrders, askedUser), NewConnection: c.Bool("new-connection"),
	})
}

// askedUser is the user whose orders our own targets are asked for.
const askedUser = 42

// checkDriving refuses flags of drivers that drive none of the styles.
func checkDriving(c *cli.Command, styles []targets.Style) error {
	calls := func(s targets.Style) bool { return s.Protocol == targets.GRPC }
	places := func(s targets.Style) bool { return s.Later }
	asks := func(s targets.Style) bool { return !calls(s) && !places(s) }
	for _, flag := range []string{"driver", "threads", "spin"} {
		if !c.IsSet(flag) || nothing(fmt.Sprint(c.Value(flag))) || slices.ContainsFunc(styles, asks) {
			continue
		}
		if slices.ContainsFunc(styles, places) {
			return usageError("--%s=%v: style %s has its own driver, which counts completed orders; leave the flag out", flag, c.Value(flag), queue.Name)
		}
		return usageError("--%s=%v: requires a target that speaks HTTP; this is %s", flag, c.Value(flag), grpc.Driver)
	}
	if !slices.ContainsFunc(styles, calls) && c.Int("grpc-connections") != 0 {
		return usageError("--grpc-connections=%d: requires style %s", c.Int("grpc-connections"), strings.Join(targets.Names(targets.Inline(targets.GRPC)), ", "))
	}
	return nil
}

// requestsOf are the requests that the flags ask for, to a server's addresses.
func requestsOf(c *cli.Command, mix []bench.Weighted) (bench.HTTP, error) {
	h := bench.HTTP{
		Method: c.String("method"), Header: c.StringSlice("header"), Body: []byte(c.String("body")),
		NewConnection: c.Bool("new-connection"), Seed: c.Uint64("seed"), Mix: mix,
	}
	if path := c.String("body-file"); path != "" {
		if c.IsSet("body") {
			return h, usageError("--body-file=%s: and --body cannot be given together", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return h, usageError("--body-file=%s: %w", path, err)
		}
		defer f.Close()
		if h.Body, err = io.ReadAll(io.LimitReader(f, maxBodyFile+1)); err != nil {
			return h, usageError("--body-file=%s: %w", path, err)
		}
		if len(h.Body) > maxBodyFile {
			return h, usageError("--body-file=%s: want at most %d bytes", path, maxBodyFile)
		}
	}
	return h, h.Validate()
}

// onlyWithServer refuses flags about somebody's server where there is none.
func onlyWithServer(c *cli.Command) error {
	for _, flag := range []string{"target-pid", "method", "header", "body", "body-file"} {
		if given(c, flag) {
			// Without its value: what takes the place of a secret would take the rest too.
			return usageError("--%s: requires the address of a server, as in onhold run 127.0.0.1:8080", flag)
		}
	}
	return nil
}

// onlyWithStyles refuses flags that mean nothing to somebody's server. Those of
// targets may stay in the environment, for other commands, but for an injection:
// without it the run would measure something else.
func onlyWithStyles(c *cli.Command) error {
	for _, flag := range []string{"grpc-connections", "inject-cpu", "inject-delay", "trace"} {
		if c.IsSet(flag) && !nothing(fmt.Sprint(c.Value(flag))) && c.Value(flag) != false {
			return usageError("--%s=%v: works with our styles (%s) only, not with a server of yours", flag, c.Value(flag), strings.Join(targets.Names(targets.Styles), ", "))
		}
	}
	for _, flag := range targetFlags() {
		// Without its value, which may be secret. A seed draws the load as well.
		if name := flag.Names()[0]; name != "seed" && given(c, name) {
			return usageError("--%s: works with our styles (%s) only, not with a server of yours", name, strings.Join(targets.Names(targets.Styles), ", "))
		}
	}
	return nil
}

// nameOf names what is driven at one or more addresses, without passwords.
func nameOf(mix []bench.Weighted) string {
	first := redact.URL(mix[0].URL)
	if len(mix) == 1 {
		return first
	}
	u, err := url.Parse(first)
	if err != nil {
		return first
	}
	return fmt.Sprintf("%s://%s (%d addresses)", u.Scheme, u.Host, len(mix))
}
