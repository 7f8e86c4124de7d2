package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/targets"
)

// arguments are what is to be driven: styles of ours, or one server.
type arguments struct {
	styles []targets.Style
	mix    []bench.Weighted // the addresses on the server; nil where styles are driven
}

func argumentsOf(c *cli.Command) (a arguments, err error) {
	server := ""
	for _, arg := range c.Args().Slice() {
		style, ok := targets.Find(arg)
		switch {
		case ok && slices.ContainsFunc(a.styles, func(s targets.Style) bool { return s.Name == arg }):
			return a, usageError("%s is given twice", arg)
		case ok:
			a.styles = append(a.styles, style)
		case !isAddress(arg):
			return a, unknown("style", arg, targets.Names(targets.Styles), "want %s, or the address of a server, such as 127.0.0.1:8080")
		case server != "":
			return a, usageError("%s and %s are two servers: a run drives one; give several paths of one with --mix 9@/a --mix 1@/b", shown(server), shown(arg))
		default:
			server = arg
		}
	}
	switch paths := c.StringSlice("mix"); {
	case server != "" && len(a.styles) > 0:
		return a, usageError("%s and %s: a run drives styles or one server, not both", a.styles[0].Name, shown(server))
	case server == "" && len(paths) > 0:
		return a, usageError("--mix=%s: requires the address of a server, as in onhold run 127.0.0.1:8080 --mix 9@/a", shownMix(paths[0]))
	case server != "":
		a.mix, err = mixOf(withScheme(server), paths)
	case len(a.styles) == 0:
		a.styles = targets.Inline(targets.HTTP)
	}
	return a, err
}

func isAddress(arg string) bool { return strings.ContainsAny(arg, ":/.") || arg == "localhost" }

// withScheme is an address as a URL: http where it has no scheme.
func withScheme(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "http://" + address
}

// mixOf are the addresses that are driven: that of the server or, where paths are
// given, those on it, each with its weight.
func mixOf(server string, paths []string) (mix []bench.Weighted, err error) {
	if len(paths) == 0 {
		return []bench.Weighted{{URL: server, Weight: 1}}, nil
	}
	_, after, _ := strings.Cut(server, "://")
	host, path, _ := strings.Cut(after, "/")
	if path != "" {
		return nil, usageError("--mix=%s: the paths of --mix take the place of /%s; leave it out", shownMix(paths[0]), shown(path))
	}
	root := server[:len(server)-len(after)] + host
	for _, text := range paths {
		weight, path := "1", text
		if !strings.HasPrefix(text, "/") {
			weight, path, _ = strings.Cut(text, "@")
		}
		if !strings.HasPrefix(path, "/") {
			return nil, usageError("--mix=%s: want WEIGHT@/PATH, like 9@/orders", shownMix(text))
		}
		n, err := strconv.Atoi(weight)
		if err != nil || n < 1 {
			return nil, usageError("--mix=%s: the weight before the @ must be a whole number of 1 or more", shownMix(text))
		}
		mix = append(mix, bench.Weighted{URL: root + path, Weight: n})
	}
	return mix, nil
}
