package peers

import (
	"regexp"
)

// h2load drives HTTP/2, and here HTTP/1.1, on a libev loop. It prints no
// median. Its rate is that of each client.
var h2load = Tool{
	Name:   "h2load",
	models: bothModels,
	args: func(t task) []string {
		args := []string{"--h1", "-t1", "-c" + t.clients(), "-D" + t.seconds() + "s"}
		if t.Rate > 0 {
			args = append(args, "--rps", t.ratePerConnection())
		}
		return append(args, t.URL)
	},
	parse: parseH2load,
}

var (
	h2loadDone = regexp.MustCompile(`(?m)^requests: .* (\d+) done,`)
	h2loadOK   = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx`)
)

func parseH2load(out []byte) (s Reported, err error) {
	if s.Requests, err = count(out, "requests", h2loadDone); err != nil {
		return s, err
	}
	ok, err := count(out, "status codes", h2loadOK)
	if err != nil {
		return s, err
	}
	s.NotOK = share(s.Requests-ok, s.Requests)
	return s, nil
}
