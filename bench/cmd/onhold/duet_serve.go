package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/redact"
)

// anyServer stands for the host and port of a server in the address of a comparison.
const anyServer = "{addr}"

// sharedAddress is the address of the requests of a comparison but for the host and port, which
// each of its servers has of its own.
type sharedAddress struct {
	scheme, path string
	argument     bool // not by --path
}

func (a sharedAddress) at(server string) string { return a.scheme + "://" + server + a.path }

// sharedAddressOf is the address that the argument gives, or --path.
func sharedAddressOf(c *cli.Command) (a sharedAddress, err error) {
	arg := c.Args().First()
	scheme, rest, _ := strings.Cut(withScheme(arg), "://")
	path, ours := strings.CutPrefix(strings.Replace(rest, "{host}:{port}", anyServer, 1), anyServer)
	switch {
	case c.NArg() == 0:
		a = sharedAddress{scheme: "http", path: c.String("path")}
		if config, err := tlsOf(c); err != nil {
			return a, err
		} else if config != nil {
			a.scheme = "https"
		}
		return a, field.Check(strings.HasPrefix(a.path, "/"), "Path", a.path, "a path that begins with /")
	case !ours && !isAddress(arg) || strings.HasPrefix(arg, "."):
		return a, usageError("package %q: cannot be used with --build and --serve, only with Go benchmarks", arg)
	case !ours:
		return a, usageError("%s: want {addr} in place of the host and port, as in grpc://{addr}/SERVICE/METHOD: each server of a comparison has its own", shown(arg))
	case c.NArg() > 1:
		return a, usageError("%s and %s: want one address", shown(arg), shown(c.Args().Get(1)))
	case given(c, "path"):
		return a, usageError("--path=%s: and the address %s cannot be given together", shown(c.String("path")), shown(arg))
	}
	return sharedAddress{scheme: scheme, path: path, argument: true}, nil
}

// noAddress refuses an address where no server is launched.
func noAddress(c *cli.Command) error {
	for _, arg := range c.Args().Slice() {
		if strings.Contains(arg, "://") || strings.Contains(arg, anyServer) {
			return usageError("%s: an address requires --build and --serve, which launch the two servers; to compare servers that are running, use onhold run for each and onhold compare", shown(arg))
		}
	}
	return nil
}

// serveExperiment is a server under load, by the flags.
func serveExperiment(c *cli.Command) (duet.Experiment, error) {
	err := field.First(
		field.Check(c.Duration("duration") > 0, "Duration", c.Duration("duration"), "more than 0"),
		field.Check(c.Duration("settle") > 0, "Settle", c.Duration("settle"), "more than 0"),
		field.Check(c.Int("rounds") > 0, "Rounds", c.Int("rounds"), "1 or more"),
	)
	if err != nil {
		return nil, err
	}
	address, err := sharedAddressOf(c)
	if err != nil {
		return nil, err
	}
	e := &duet.Serve{
		Build: c.String("build"), Command: c.String("serve"), Host: c.String(flagServeOn),
		Plan: bench.Plan{
			Load:     bench.Load{Rate: float64(c.Int("rate")), Arrivals: load.Model(text(c, "arrivals", string(load.Poisson)))},
			Duration: c.Duration("duration"), Warmup: c.Duration("warmup"), Wait: c.Duration("wait"), MaxLag: c.Duration("max-lag"), NoPin: c.Bool(flagNoPin),
		},
		Settle: c.Duration("settle"), Rounds: c.Int("rounds"),
	}
	var data *bench.Data
	if grpc.IsAddress(address.at(anyServer)) {
		data, err = callServers(c, e, address)
	} else {
		data, err = requestServers(c, e, address)
	}
	if err != nil {
		return nil, err
	}
	if err := (bench.HTTP{Data: data}).Endless(); err != nil {
		return nil, err
	}
	if data != nil && data.Skipped() != "" {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", data.Skipped())
	}
	return e, nil
}

// callServers has the servers of a comparison called by gRPC.
func callServers(c *cli.Command, e *duet.Serve, address sharedAddress) (*bench.Data, error) {
	calls, err := callsOf(c, address.at(anyAddr))
	if err != nil {
		return nil, err
	}
	calls.Seed = 0 // that of the flag is of the comparison
	e.Request = redact.URL(address.at(anyServer))
	e.Driver = func(server string) (bench.Driver, error) {
		at := calls
		at.URL = address.at(server)
		d, err := at.Driver()
		if err != nil || server == anyAddr {
			return d, err
		}
		// Each server describes its methods itself: those of the two sides may differ.
		return d, probe(context.Background(), redact.URL(at.URL), d.Dial)
	}
	return calls.Data, nil
}

// requestServers has the servers of a comparison asked over HTTP.
func requestServers(c *cli.Command, e *duet.Serve, address sharedAddress) (*bench.Data, error) {
	if err := refuse(c, "requires an address that begins with grpc:// or grpcs://", "proto", "proto-path"); err != nil {
		return nil, err
	}
	h, err := exchangeOf(c, bench.HTTP{URL: address.at(anyAddr), Method: c.String("method"), Header: c.StringSlice("header"), Body: []byte(c.String("body"))})
	if err != nil {
		return nil, err
	}
	if h.TLS != nil {
		if err := onlyOverTLS(c, h.URL, "https", "wss"); err != nil {
			return nil, err
		}
	}
	if h.Data, err = dataOf(c, h); err != nil {
		return nil, err
	}
	e.Request = c.String("method") + " " + address.path
	if address.argument {
		e.Request = c.String("method") + " " + redact.URL(address.at(anyServer))
	}
	e.Driver = func(server string) (bench.Driver, error) {
		at := h
		at.URL = address.at(server)
		if server != anyAddr {
			if err := speaks(at); err != nil {
				return nil, err
			}
		}
		return epoll.Best(at, epoll.Options{})
	}
	_, err = e.Driver(anyAddr)
	if wrong, ok := errors.AsType[*field.Error](err); ok && wrong.Field == "URL" && !address.argument {
		wrong.Field, wrong.Value = "Path", redact.URL(c.String("path"))
	}
	return h.Data, err
}
