package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/grpc"
)

// allowed is a target that an agent may drive.
type allowed struct {
	scheme, port string // any where empty
	name         string // of a host; empty where network says which
	network      *net.IPNet
}

var loopback = []string{"//localhost", "//127.0.0.0/8", "//[::1]"}

// parseAllowed reads the values of --allow.
func parseAllowed(texts []string) (all []allowed, err error) {
	if len(texts) == 0 {
		texts = loopback
	}
	for _, text := range texts {
		a, err := parseAllow(text)
		if err != nil {
			return nil, usageError("--allow=%s: want http://10.0.0.0/8, https://shop.example:8443, or *: %w", text, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseAllow(text string) (a allowed, err error) {
	if text == "*" {
		return allowed{name: "*"}, nil
	}
	scheme, host, ok := strings.Cut(text, "//")
	if !ok || scheme != "" && portOf[strings.TrimSuffix(scheme, ":")] == "" {
		return a, fmt.Errorf("it does not begin with http://, https://, h2c://, ws://, wss://, grpc:// or grpcs://")
	}
	a.scheme = strings.TrimSuffix(scheme, ":")
	if _, network, err := net.ParseCIDR(host); err == nil {
		a.network = network
		return a, nil
	}
	u, err := url.Parse("http://" + host)
	switch {
	case err != nil:
		return a, err
	case u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return a, fmt.Errorf("it has more than a host or a network, and a port")
	}
	a.name, a.port = u.Hostname(), u.Port()
	return a, nil
}

// portOf is the port of an address that has none, by its scheme.
var portOf = map[string]string{"http": "80", "https": "443", "h2c": "80", "ws": "80", "wss": "443", grpc.Plain: "80", grpc.Secure: "443"}

// allows reports whether an address may be driven. A name that is not listed itself is
// allowed where all of its addresses are.
func allows(ctx context.Context, all []allowed, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = portOf[u.Scheme]
	}
	permits := func(host string) bool {
		ip := net.ParseIP(host)
		return slices.ContainsFunc(all, func(a allowed) bool {
			switch {
			case a.scheme != "" && a.scheme != u.Scheme || a.port != "" && a.port != port:
				return false
			case a.network != nil:
				return ip != nil && a.network.Contains(ip)
			}
			return a.name == "*" || strings.EqualFold(a.name, host)
		})
	}
	if permits(u.Hostname()) {
		return nil
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err == nil && len(addresses) > 0 && !slices.ContainsFunc(addresses, func(a string) bool { return !permits(a) }) {
		return nil
	}
	return fmt.Errorf("%s is not among the targets that it allows (--allow)", shown(u.Scheme+"://"+u.Host))
}
