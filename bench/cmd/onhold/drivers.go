package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets"
	ordersgrpc "github.com/a628bb15/onhold/targets/grpc"
)

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
		if err := refuse(c, "requires --driver goroutine, not epoll; where --driver is not set, it is the default", "cookies", "follow"); err != nil {
			return nil, err
		}
		d, err := epoll.New(h, epoll.Options{Threads: threads, Spin: spin})
		if err != nil && !epoll.Supported {
			return nil, usageError("--driver=epoll: %w; use --driver goroutine", err)
		}
		return d, err
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
	if driver == epoll.Name {
		return nil
	}
	return refuse(c, "requires driver epoll; this is "+driver, "threads", "spin")
}

// refuse refuses flags that are in use, and says why.
func refuse(c *cli.Command, why string, flags ...string) error {
	for _, flag := range flags {
		if c.IsSet(flag) && !nothing(fmt.Sprint(c.Value(flag))) {
			return usageError("--%s=%v: %s", flag, c.Value(flag), why)
		}
	}
	return nil
}

// requiresGRPC is why a flag of gRPC is refused.
var requiresGRPC = "requires style " + strings.Join(targets.Names(targets.Inline(targets.GRPC)), ", ") + " or an address that begins with grpc://"

// drivingOf is how the flags say to drive the styles. It refuses flags of drivers
// that drive none of them.
func drivingOf(c *cli.Command, styles []targets.Style) (d targets.Driving, err error) {
	d = targets.Driving{
		HTTP: func(h bench.HTTP) (bench.Driver, error) { return driverOf(c, h) },
		GRPC: func(call ordersgrpc.Call) (bench.Driver, error) {
			return grpc.Calls{URL: call.URL, Method: call.Method, Body: call.Body, Connections: call.Connections}.Driver()
		},
		NewConnection: c.Bool("new-connection"), Connections: c.Int("connections"),
	}
	if !slices.ContainsFunc(styles, func(s targets.Style) bool { return !s.OwnDriver() }) {
		why := fmt.Sprintf("style %s has its own driver; leave the flag out", styles[0].Name)
		if err := refuse(c, why, "driver", "threads", "spin"); err != nil {
			return d, err
		}
	}
	calls := func(s targets.Style) bool { return s.Protocol == targets.GRPC }
	switch {
	case d.Connections > 0 && d.NewConnection:
		err = bothConnections(d.Connections)
	case !slices.ContainsFunc(styles, calls):
		err = refuse(c, requiresGRPC, "connections")
	}
	return d, err
}

// requestsOf are the requests that the flags ask for, to a server's addresses.
func requestsOf(c *cli.Command, mix []bench.Weighted) (h bench.HTTP, err error) {
	if err := refuse(c, requiresGRPC, "proto", "proto-path"); err != nil {
		return h, err
	}
	h, err = exchangeOf(c, bench.HTTP{
		Method: c.String("method"), Header: c.StringSlice("header"),
		NewConnection: c.Bool("new-connection"), Seed: c.Uint64("seed"), Mix: mix,
	})
	if err != nil {
		return h, err
	}
	if h.TLS != nil {
		if err := onlyOverTLS(c, mix[0].URL, "https", "wss"); err != nil {
			return h, err
		}
	}
	if h.Body, err = bodyOf(c); err != nil {
		return h, err
	}
	if h.Data, err = dataOf(c, h); err != nil {
		return h, err
	}
	return h, sharedOver(h.Validate())
}

// sharedOver is an error of requests, in the words of somebody who wants more clients
// where that is what is meant.
func sharedOver(err error) error {
	wrong, ok := errors.AsType[*field.Error](err)
	if ok && (wrong.Field == "Connections" || wrong.Field == "Streams") && strings.Contains(wrong.Want, "HTTP/1.1") {
		return usageError("--%s=%v: requires HTTP/2, as with --http 2 or an h2c:// address; over HTTP/1.1 each client has a connection: did you mean --clients?", strings.ToLower(wrong.Field), wrong.Value)
	}
	return err
}

// onlyOverTLS refuses the flags of tlsFlags where an address is of none of the schemes.
func onlyOverTLS(c *cli.Command, address string, schemes ...string) error {
	if slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(address, s+":") }) {
		return nil
	}
	for _, name := range flagNames(tlsFlags("")) {
		if given(c, name) {
			return usageError("--%s: requires an address that begins with %s://, not %s", name, strings.Join(schemes, ":// or "), shown(address))
		}
	}
	return nil
}

// bodyOf is the body that the flags ask for.
func bodyOf(c *cli.Command) ([]byte, error) {
	path := c.String("body-file")
	switch {
	case path == "":
		return []byte(c.String("body")), nil
	case c.IsSet("body"):
		return nil, usageError("--body-file=%s: and --body cannot be given together", path)
	}
	return readFile(c, "body-file")
}

// dataOf is what the flags of dataFlags and the placeholders of requests ask for; nil
// where that is nothing.
func dataOf(c *cli.Command, h bench.HTTP) (*bench.Data, error) {
	f := bench.DataFiles{Requests: c.String("requests"), Data: c.String("data"), DataEnd: c.String("data-end")}
	texts := append(slices.Clone(h.Header), h.URL, string(h.Body))
	for _, w := range h.Mix {
		texts = append(texts, w.URL)
	}
	if f == (bench.DataFiles{DataEnd: bench.DataCycle}) && !bench.HasPlaceholders(texts...) {
		return nil, nil
	}
	return f.Read()
}

// onlyWithServer refuses flags about somebody's server where there is none.
func onlyWithServer(c *cli.Command) error {
	own := []string{"target-pid", "method", "header", "body", "body-file", "requests", "data", "data-end", "replay", "speed"}
	for _, flag := range slices.Concat(own, flagNames(protoFlags("")), flagNames(exchangeFlags(""))) {
		if flag == "connections" { // those of a style too: see drivingOf
			continue
		}
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
	why := fmt.Sprintf("works with our styles (%s) only, not with a server of yours", strings.Join(targets.Names(targets.Styles), ", "))
	if err := refuse(c, why, "inject-cpu", "inject-delay", "trace"); err != nil {
		return err
	}
	for _, flag := range targetFlags() {
		// Without its value, which may be secret. A seed draws the load as well.
		if name := flag.Names()[0]; name != "seed" && given(c, name) {
			return usageError("--%s: %s", name, why)
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
