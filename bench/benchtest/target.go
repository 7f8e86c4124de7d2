package benchtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// Target is what is driven, and what it is asked. It is made by one of the
// functions that return one; its methods return another Target and leave theirs
// as it was.
type Target struct {
	name    string
	request bench.HTTP
	driver  *bench.GoroutineDriver // nil where the requests are those of HTTP
	pid     int

	// server starts what is asked for by paths, for one line of the output; nil
	// where the requests have complete addresses.
	server func(*testing.B) (url string, pid int)
}

// Handler is a handler of net/http, served at 127.0.0.1 by this process. It is
// asked for / where Path or Request do not say otherwise.
func Handler(h http.Handler) Target {
	return Target{name: "handler", request: bench.HTTP{URL: "/"}, server: serving(func() server { return &stdServer{http.Server{Handler: h}} })}
}

// Fasthttp is a handler of fasthttp, and else like Handler.
func Fasthttp(h fasthttp.RequestHandler) Target {
	return Target{name: "fasthttp", request: bench.HTTP{URL: "/"}, server: serving(func() server { return &fastServer{fasthttp.Server{Handler: h}} })}
}

// URL is a server that runs already, asked for that address by GET.
func URL(address string) Target { return HTTP(bench.HTTP{URL: address}) }

// HTTP is a server that runs already, and any requests to it: a method, header
// lines, a body, several addresses by weight. It is named by host and path,
// without the port, which for a test's own server is another one each time.
func HTTP(h bench.HTTP) Target {
	address := h.URL
	if len(h.Mix) > 0 {
		address = h.Mix[0].URL
	}
	name := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		name = u.Hostname() + u.Path
	}
	return Target{name: safe(name), request: h}
}

// Dial is anything that has connections and a call, in any protocol. Its CPU
// time and allocations are known only where PID names its process.
func Dial(name string, dial bench.Dial) Target {
	if dial == nil {
		return Driver(name, nil)
	}
	return Driver(name, &bench.GoroutineDriver{Dial: dial})
}

// Driver is a server that runs already, driven by that driver, such as that of the
// gRPC calls of package bench/grpc. It is else like Dial.
func Driver(name string, d *bench.GoroutineDriver) Target {
	return Target{name: safe(name), driver: d}
}

// Server is a server that is started for each line of the output, with which
// it ends: start returns its address without a path, as http://127.0.0.1:8080,
// and the id of its process, 0 where that is not known. What it starts it ends
// by b.Cleanup. It is asked for / where Path or Request do not say otherwise.
func Server(name string, start func(b *testing.B) (url string, pid int)) Target {
	return Target{name: safe(name), request: bench.HTTP{URL: "/"}, server: start}
}

// Named is the target by another name. What would break the name of a
// benchmark is replaced by an underscore.
func (t Target) Named(name string) Target {
	t.name = safe(name)
	return t
}

// Path is the target asked for that path, which may have a query. It is for
// Handler, Fasthttp and Server.
func (t Target) Path(path string) Target {
	t.request.URL, t.request.Mix = path, nil
	return t
}

// Request is the target asked in any way that there is, with paths in the
// place of addresses. It is for Handler, Fasthttp and Server.
func (t Target) Request(h bench.HTTP) Target {
	t.request = h
	return t
}

// PID is the target with the id of its process on this machine, so that its
// CPU time is known. Of a server that the caller has started in this process,
// by httptest for one, that is os.Getpid(): else what it uses is taken for the
// generator's. What a Dial's connections allocate then counts as the target's.
func (t Target) PID(pid int) Target {
	t.pid = pid
	return t
}

// check finds what is wrong with the target, as far as that can be found
// without starting it.
func (t Target) check() error {
	switch {
	case t.name == "":
		return errors.New("target: its name is empty")
	case t.pid < 0:
		return fmt.Errorf("target %s: pid is %d, want that of a process", t.name, t.pid)
	case t.driver != nil && (t.request.URL != "" || len(t.request.Mix) > 0):
		return fmt.Errorf("target %s: Path and Request are for HTTP, and it has a driver of its own", t.name)
	case t.driver != nil:
		return nil
	case t.server == nil && t.request.URL == "" && len(t.request.Mix) == 0:
		return fmt.Errorf("target %s: there is no address, no driver and no server to start", t.name)
	}
	base := ""
	if t.server != nil {
		base = "http://127.0.0.1"
	}
	h, err := t.at(base)
	if err == nil {
		err = h.Validate()
	}
	if err != nil {
		return fmt.Errorf("target %s: %w", t.name, err)
	}
	return nil
}

// at is what is asked, with base in front of the paths.
func (t Target) at(base string) (bench.HTTP, error) {
	h := t.request
	if base == "" {
		return h, nil
	}
	if h.URL == "" && len(h.Mix) == 0 {
		h.URL = "/"
	}
	join := func(path string) (string, error) {
		if !strings.HasPrefix(path, "/") {
			return "", fmt.Errorf("url is %q, want a path that begins with /, as the server is started here", path)
		}
		return strings.TrimSuffix(base, "/") + path, nil
	}
	var err error
	if len(h.Mix) == 0 {
		h.URL, err = join(h.URL)
		return h, err
	}
	mix := make([]bench.Weighted, len(h.Mix))
	for i, w := range h.Mix {
		if mix[i].URL, err = join(w.URL); err != nil {
			return h, err
		}
		mix[i].Weight = w.Weight
	}
	h.Mix = mix
	return h, nil
}

// settings are those of the target.
func (t Target) settings() result.Settings {
	return result.Settings{{Key: result.KeyTarget, Value: t.name}}
}
